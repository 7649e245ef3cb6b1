package queuednet

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// poisonKinds are the ways by which bytes come to be a view.
var poisonKinds = map[string]struct {
	packets, raw bool
	size         int
}{
	"a stream, gathered":        {size: 10},
	"a stream, handed over":     {size: 60_000},
	"a stream, raw":             {size: 10, raw: true},
	"packets":                   {size: 10, packets: true},
	"packets, raw":              {size: 10, packets: true, raw: true},
	"a stream, empty datagrams": {},
}

// arrive queues payloads, each as one datagram.
func arrive(t *testing.T, e *end, packets, raw bool, payloads ...string) {
	var send func(string)
	if packets {
		pipe, _ := newPacketPipe()
		e.adoptUDP(pipe)
		send = func(payload string) {
			if !raw {
				payload = packed(payload)
			}
			pipe.in <- packet{data: payload, peer: udpAddr(2)}
		}
	} else {
		_, far := e.pipe()
		send = func(payload string) {
			if !raw {
				payload = framed(2, payload)
			}
			io.WriteString(far, payload)
		}
	}
	for _, payload := range payloads {
		send(payload)
		synctest.Wait()
	}
}

// Whoever keeps a view without Clone finds that its bytes are gone, all of them
// and at once; those of the datagrams that have not been yielded are not touched.
func TestPoisonViews(t *testing.T) {
	for name, kind := range poisonKinds {
		for _, leave := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, leaving the loop %v", name, leave), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEnd(t, &Config{PoisonViews: true})
					e.reader.SetRawMode(kind.raw)
					payloads := []string{strings.Repeat("a", kind.size), strings.Repeat("b", kind.size), strings.Repeat("c", kind.size)}
					arrive(t, e, kind.packets, kind.raw, payloads...)
					poisoned := strings.Repeat("\xdb", kind.size)
					var kept [][]byte
					for len(kept) < len(payloads) {
						before := len(kept)
						for datagram := range e.reader.Datagrams() {
							for _, old := range kept {
								assert.Equal(t, poisoned, string(old))
							}
							assert.Equal(t, payloads[len(kept)], string(datagram.Message()))
							kept = append(kept, datagram.Message())
							datagram.AddUint8(1) // the view becomes a datagram of its own
							if leave {
								break
							}
						}
						require.Greater(t, len(kept), before)
						assert.Equal(t, poisoned, string(kept[len(kept)-1]))
					}
				})
			})
		}
	}
}

// What is not a view is the program's: what GetData and Clone return stays as it is.
func TestPoisonViewsLeavesCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{PoisonViews: true})
		arrive(t, e, false, false, "first", "second")
		var taken NetDatagram
		require.True(t, e.reader.GetData(&taken))
		var clone *NetDatagram
		for datagram := range e.reader.Datagrams() {
			clone = datagram.Clone()
		}
		assert.Equal(t, "first", string(taken.Message()))
		assert.Equal(t, "second", string(clone.Message()))
	})
}

// Without it nothing is overwritten, whatever the loop does.
func TestViewsAreNotPoisonedByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		arrive(t, e, false, false, "first", "second")
		var kept [][]byte
		for datagram := range e.reader.Datagrams() {
			kept = append(kept, datagram.Message())
			if len(kept) == 2 {
				assert.Equal(t, []string{"first", "second"}, []string{string(kept[0]), string(kept[1])})
			}
		}
		require.Len(t, kept, 2)
	})
}

// A step that panics, or ends its goroutine as a failing test does, is over too.
func TestPoisonViewsAfterPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{PoisonViews: true})
		arrive(t, e, false, false, "first", "second")
		var kept []byte
		assert.Panics(t, func() {
			for datagram := range e.reader.Datagrams() {
				kept = datagram.Message()
				panic("in a step")
			}
		})
		assert.Equal(t, "\xdb\xdb\xdb\xdb\xdb", string(kept))
		rest := slices.Collect(func(yield func(string) bool) {
			for datagram := range e.reader.Datagrams() {
				yield(string(datagram.Message()))
			}
		})
		assert.Equal(t, []string{"second"}, rest)
	})
}
