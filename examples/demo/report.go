package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
)

// A report is what happened.
type report struct {
	options
	rows       []row
	strays     int   // datagrams and ends that should not have been
	server     times // that its frames spent in the library
	players    times // the same of all clients
	late       times // that all frames began, as timers do on a busy machine
	goroutines int   // left after Close
}

// A row is what happened to one client.
type row struct {
	role          role
	toServer      sequence
	toClient      sequence
	calm, flooded times // round trips before the flood, and since
	most          int   // bytes that the server took from it in one frame
	lastWord      bool
	ended         bool
	end           string
}

// newReport makes the report when all loops have ended.
func newReport(g *game, s *server, clients []*client, goroutinesLeft int) *report {
	known := make(map[queuednet.NetAddress]*player)
	for _, p := range s.all {
		known[p.address] = p
	}
	r := &report{options: g.options, strays: s.strays, server: sorted(s.watch.frames), goroutines: goroutinesLeft}
	var frames [][]time.Duration
	late := [][]time.Duration{s.late}
	for _, c := range clients {
		row := row{role: c.role, toClient: c.states, calm: sorted(c.calm), flooded: sorted(c.flooded), end: "none"}
		if p := known[c.conn.LocalAddress()]; p != nil {
			row.toServer, row.most, row.lastWord, row.ended = p.numbers, p.most, p.lastWord, p.ended
			if p.ended {
				row.end = endName(p.err)
			}
		}
		row.toServer.sent(c.number)
		r.rows = append(r.rows, row)
		frames = append(frames, c.watch.frames)
		late = append(late, c.late)
	}
	r.players, r.late = sorted(frames...), sorted(late...)
	return r
}

// print prints the tables.
func (r *report) print(w io.Writer) {
	const columns = "%-17s %9s %9s %5s %7s %7s  %s\n"
	fmt.Fprintf(w, columns, "client", "datagrams", "datagrams", "lost", "round", "trip ms", "its end, as the")
	fmt.Fprintf(w, columns, "", "to server", "to client", "", "p50", "p99", "server sees it")
	for i, row := range r.rows {
		trips := sorted(row.calm, row.flooded)
		fmt.Fprintf(w, columns, fmt.Sprintf("%d %s", i+1, row.role.name), grouped(row.toServer.taken), grouped(row.toClient.taken),
			grouped(row.toServer.lost+row.toClient.lost), ms(trips.percentile(50), 1), ms(trips.percentile(99), 1), row.end)
	}
	fmt.Fprint(w, "(A round trip is from the frame that sends to the frame that takes the answer.)\n\n")

	const line = "%-33s %9s %9s %9s\n"
	fmt.Fprintf(w, line, "per frame, ms", "p50", "p99", "max")
	for _, of := range []struct {
		name  string
		times times
	}{{"in the library, server", r.server}, {"in the library, a client", r.players}, {"begun late, any loop", r.late}} {
		fmt.Fprintf(w, line, of.name, ms(of.times.percentile(50), 3), ms(of.times.percentile(99), 3), ms(of.times.percentile(100), 3))
	}
	fmt.Fprintln(w)
}

// A promise is one that the library makes, and what came of it.
type promise struct {
	kept    bool
	text    string
	ofTimes bool // a busy machine alone can break it
}

func (p promise) String() string {
	if p.kept {
		return "ok      " + p.text
	}
	return "FAILED  " + p.text
}

// promises compares what happened with what was promised.
func (r *report) promises() []promise {
	var promises []promise
	add := func(kept bool, format string, args ...any) {
		promises = append(promises, promise{kept: kept, text: fmt.Sprintf(format, args...)})
	}
	addTimes := func(kept bool, format string, args ...any) {
		promises = append(promises, promise{kept, fmt.Sprintf(format, args...), true})
	}

	var all row // the sums
	ended := 0
	for _, row := range r.rows {
		all.toServer.add(row.toServer)
		all.toClient.add(row.toClient)
		if row.ended {
			ended++
		}
	}
	add(all.toServer.lost+all.toClient.lost == 0, "lost: %s of %s datagrams to the server, %s of %s to the clients",
		grouped(all.toServer.lost), grouped(all.toServer.taken), grouped(all.toClient.lost), grouped(all.toClient.taken))
	add(all.toServer.wrong+all.toClient.wrong == 0, "came twice or out of order: %s datagrams",
		grouped(all.toServer.wrong+all.toClient.wrong))
	add(ended == r.clients && r.strays == 0, "ends reported: %d of %d, each once and after its last datagram", ended, r.clients)

	r.addEnds(add)
	r.addFlood(add, addTimes)

	p99 := r.server.percentile(99)
	addTimes(p99 <= r.library, "frames of the server: %s ms in the library at p99 (limit %s ms)", ms(p99, 3), ms(r.library, 0))
	add(r.goroutines == 0, "goroutines left after Close: %d", r.goroutines)
	return promises
}

// note returns what to know about a failure, if that is of times alone and frames
// began late. It excuses nothing: the times were not kept. And it is no word about
// a datagram lost or a wrong end, which no machine is too busy for.
func (r *report) note(promises []promise) string {
	late := r.late.percentile(99)
	if late <= frame/2 {
		return ""
	}
	for _, promise := range promises {
		if !promise.kept && !promise.ofTimes {
			return ""
		}
	}
	return fmt.Sprintf("\nFrames began %s ms late at p99, as on a busy machine. Try again on an idle one.\n", ms(late, 0))
}

// addEnds adds how the clients ended.
func (r *report) addEnds(add func(kept bool, format string, args ...any)) {
	leaving, left := 0, 0
	for _, row := range r.rows {
		asExpected := slices.Contains(row.role.ends, row.end)
		switch {
		case row.role.leaves:
			leaving++
			if asExpected && row.lastWord {
				left++
			}
		case asExpected:
			add(true, "the client that %s ends with %s", row.role.name, row.end)
		default:
			add(false, "the client that %s ends with %s, not %s", row.role.name, row.end, strings.Join(row.role.ends, " or "))
		}
	}
	add(left == leaving, "left with io.EOF after their last word: %d of %d clients that leave", left, leaving)
}

// addFlood adds what the flood did, and to the others.
func (r *report) addFlood(add, addTimes func(kept bool, format string, args ...any)) {
	var calm, flooded [][]time.Duration
	for _, row := range r.rows {
		if row.role.act == nil {
			calm, flooded = append(calm, row.calm), append(flooded, row.flooded)
		}
	}
	for _, row := range r.rows {
		if row.role.name != floods.name {
			continue
		}
		add(row.most <= r.maxReceiveQueue, "the flood: %s datagrams, at most %d KiB in a frame (limit %d KiB)",
			grouped(row.toServer.taken), row.most>>10, r.maxReceiveQueue>>10)
		before, since := sorted(calm...), sorted(flooded...)
		p99 := since.percentile(99)
		addTimes(len(since) > 0 && p99 <= r.roundTrip, "others' round trip: p99 %s ms before, %s ms since (limit %s ms)",
			ms(before.percentile(99), 1), ms(p99, 1), ms(r.roundTrip, 0))
	}
}
