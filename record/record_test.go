package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/require"
)

const frameTime = time.Second / 60

// The layout, byte for byte, as the package documentation has it.
func TestLayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b datagramfile.DatagramBuffer
		p := newProgram(t, nil, &b)
		lobby := p.newLobby()
		time.Sleep(time.Millisecond)
		ada := lobby.come("192.0.2.1:9099")
		synctest.Wait()
		p.frame()
		time.Sleep(time.Millisecond)
		ada.say("hi", "")
		synctest.Wait()
		p.frame()
		time.Sleep(time.Millisecond)
		grace := lobby.come("[2001:db8::1]:1")
		synctest.Wait()
		p.frame()
		ada.leave()
		grace.say("close me")
		grace.end()
		synctest.Wait()
		p.frame()
		require.NoError(t, p.recorder.Flush())

		want := []string{
			"QNETREC\n" + "\x02\x00" + "\x00\xe0\x37\x3b\x01\x5d\x03\x00", // the bubble's time
			"\x01" + "\x01\x00\x00\x00" + "\xe8\x03\x00\x00\x00\x00\x00\x00" + "\x0e\x00192.0.2.1:9099",
			"\x02" + "\x01\x00\x00\x00" + "\xd0\x07\x00\x00\x00\x00\x00\x00" + "hi",
			"\x02" + "\x01\x00\x00\x00" + "\xd0\x07\x00\x00\x00\x00\x00\x00",
			"\x01" + "\x02\x00\x00\x00" + "\xb8\x0b\x00\x00\x00\x00\x00\x00" + "\x0f\x00[2001:db8::1]:1",
			"\x02" + "\x02\x00\x00\x00" + "\xb8\x0b\x00\x00\x00\x00\x00\x00" + "close me",
			"\x03" + "\x02\x00\x00\x00" + "\xb8\x0b\x00\x00\x00\x00\x00\x00",
			"\x04" + "\x01\x00\x00\x00" + "\xb8\x0b\x00\x00\x00\x00\x00\x00" + "\x03\x00EOF",
		}
		var datagram queuednet.Datagram
		for _, text := range want {
			require.NoError(t, b.GetDatagram(&datagram))
			require.Equal(t, text, string(datagram.Message()))
		}
		require.Error(t, b.GetDatagram(&datagram))
	})
}

// session lets a few come and go in all the ways there are, for some seconds,
// and returns the recording and what the program saw. It is for a bubble.
func session(t *testing.T, seed uint64, getData bool) (recording []byte, live *program) {
	var b datagramfile.DatagramBuffer
	live = newProgram(t, nil, &b)
	live.getData = getData
	lobby := live.newLobby()
	random := rand.New(rand.NewPCG(seed, 0))
	var people []*client
	for i := range 200 {
		n := random.IntN(20)
		switch {
		case n < 2 || len(people) == 0:
			people = append(people, lobby.come(fmt.Sprintf("192.0.2.%d:%d", random.IntN(3), i+1)))
		case n == 2:
			one := random.IntN(len(people))
			switch random.IntN(3) {
			case 0:
				people[one].leave()
			case 1:
				people[one].write([]byte{9}) // and no more of it
				people[one].leave()
			case 2:
				people[one].say("close me", "no more of me")
				people[one].end()
			}
			people = slices.Delete(people, one, one+1)
		default:
			text := fmt.Sprintf("%d", i)
			if n == 3 {
				text += string(make([]byte, random.IntN(60_000)))
			}
			people[random.IntN(len(people))].say(text, "and", "so on")
		}
		if random.IntN(3) == 0 {
			time.Sleep(frameTime * time.Duration(random.IntN(3)))
			synctest.Wait()
			live.frame()
		}
	}
	time.Sleep(time.Second)
	live.frame()
	for _, one := range people {
		one.end()
	}
	require.NoError(t, live.recorder.Flush())
	return bytes.Clone(b.Data()), live
}

// What was recorded is what the program saw, and what it sees again: all of it,
// in order over all connections, at any speed, however it drains and waits. The
// recording of a replay is the recording.
func TestReplayTellsTheSameStory(t *testing.T) {
	for seed := range uint64(4) {
		getData := seed%2 == 0
		for _, speed := range []float64{0, 1, 1e6, 0.5} {
			t.Run(fmt.Sprintf("seed %d, speed %v", seed, speed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					recording, live := session(t, seed, getData)
					recorded, _ := events(recording)
					require.Equal(t, live.story(), words(recorded))
					require.Contains(t, live.story()[0], "comes")

					var b datagramfile.DatagramBuffer
					again := newProgram(t, nil, &b)
					again.getData = !getData
					began := time.Now()
					require.NoError(t, again.play(recording, speed, frameTime))
					took := time.Since(began)
					require.Equal(t, live.story(), again.story())
					second, err := events(b.Data())
					require.Error(t, err)
					require.Equal(t, words(recorded), words(second))
					for i := range recorded {
						require.Equal(t, recorded[i].number, second[i].number)
					}

					length := recorded[len(recorded)-1].time
					switch speed {
					case 0.5:
						require.Greater(t, took, 2*length)
					case 1e6: // as fast as the program can, too
						require.Less(t, took, length)
					case 1:
						for i, e := range again.log {
							require.Greater(t, e.at, recorded[i].time, e.what)
						}
					}
				})
			})
		}
	}
}

// Where arrivals and ends are rare, as in most games, the times are kept.
func TestReplayKeepsTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b datagramfile.DatagramBuffer
		live := newProgram(t, nil, &b)
		lobby := live.newLobby()
		var people []*client
		for i := range 600 {
			if i%100 == 0 {
				people = append(people, lobby.come(fmt.Sprint("192.0.2.1:", i+1)))
			}
			for j, one := range people[:len(people)-1] {
				one.say(fmt.Sprint(i, j))
				if i%90 == 89 && j == 0 {
					one.leave()
					people = people[1:]
				}
			}
			time.Sleep(7 * time.Millisecond)
			if i%2 == 0 {
				synctest.Wait()
				live.frame()
			}
		}
		for _, one := range people {
			one.end()
		}
		for _, speed := range []float64{1, 2} {
			again := newProgram(t, nil, nil)
			require.NoError(t, again.play(bytes.Clone(b.Data()), speed, frameTime))
			require.Equal(t, live.story(), again.story())
			for i, e := range live.log {
				late := again.log[i].at - time.Duration(float64(e.at)/speed)
				require.Greater(t, late, time.Duration(0))
				require.Less(t, late, 4*frameTime, e.what)
			}
		}
	})
}

// In a bubble a replay is the same each time, to the frame.
func TestReplayIsTheSameEachTime(t *testing.T) {
	for _, speed := range []float64{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			recording, _ := session(t, 7, false)
			var first []entry
			for range 5 {
				p := newProgram(t, nil, nil)
				require.NoError(t, p.play(recording, speed, frameTime))
				if first == nil {
					first = p.log
				}
				require.Equal(t, first, p.log)
			}
		})
	}
}

// The same in real time, with a loop that spins and one that waits.
func TestReplayInRealTime(t *testing.T) {
	var recording []byte
	var story []string
	synctest.Test(t, func(t *testing.T) {
		var live *program
		recording, live = session(t, 3, false)
		story = live.story()
	})
	for _, frame := range []time.Duration{0, 1, time.Millisecond} {
		t.Run(fmt.Sprint(frame), func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, nil, nil)
			require.NoError(t, p.play(recording, 0, frame))
			require.Equal(t, story, p.story())
		})
	}
}
