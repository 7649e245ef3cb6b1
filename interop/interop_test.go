// Package interop_test lets the real Panda3D talk with queuednet. See README.md.
package interop_test

import (
	"fmt"
	"testing"
)

func TestPanda3D(t *testing.T) {
	python := findPanda3D(t)
	for _, headerSize := range []int{2, 4} {
		s := suite{python, headerSize}
		t.Run(fmt.Sprintf("header size %d", headerSize), func(t *testing.T) {
			for _, scenario := range []struct {
				name string
				run  func(suite, *testing.T)
			}{
				{"the manual's server and our client", suite.testManualServer},
				{"the manual's client and our server", suite.testManualClient},
				{"echo, Panda3D serves", suite.testEchoServer},
				{"echo, Panda3D serves and collects", suite.testCollectingEchoServer},
				{"echo, Panda3D is the client", suite.testEchoClient},
				{"values", suite.testValues},
				{"Panda3D closes", suite.testPandaCloses},
				{"Panda3D resets", suite.testPandaResets},
				{"Panda3D is killed inside a datagram", suite.testPandaKilled},
				{"we close", suite.testWeClose},
				{"we end altogether", suite.testWeEnd},
				{"we reset", suite.testWeReset},
			} {
				t.Run(scenario.name, func(t *testing.T) {
					t.Parallel()
					scenario.run(s, t)
				})
			}
		})
	}
}
