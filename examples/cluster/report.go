package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A promise is one of CLUSTER.md's, and whether it was kept.
type promise struct {
	kept bool
	text string
}

func (d *demo) promise(kept bool, format string, args ...any) {
	d.promises = append(d.promises, promise{kept, fmt.Sprintf(format, args...)})
}

var errBroken = errors.New("it is not as promised")

// report prints the table, and fails if a promise was broken.
func (d *demo) report() error {
	w := tabwriter.NewWriter(d.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nwhat\twhen, who, how many\n")
	d.reportKill(w)
	d.reportRestarts(w)
	d.reportLosses(w)
	w.Flush()
	fmt.Fprintln(d.stdout)
	broken := 0
	for _, p := range d.promises {
		word := "kept   "
		if !p.kept {
			word = "BROKEN "
			broken++
		}
		fmt.Fprintln(d.stdout, word, p.text)
	}
	if broken > 0 {
		return errBroken
	}
	return nil
}

func (d *demo) reportKill(w *tabwriter.Writer) {
	k := &d.killed
	fmt.Fprintf(w, "server %d killed (SIGKILL), noticed after\t%s\n", k.number, perNode(k.noticed))
	d.promise(latest(k.noticed) <= d.slow*noticeLimit, "a killed server is noticed by all others within %v", d.slow*noticeLimit)

	cut, others := d.movesFrom(k.source)
	fmt.Fprintf(w, "its players: moved, played again after\t%s\n", cut)
	fmt.Fprintf(w, "what the others do not know of a player\tat most %d shouts\n", cut.forgotten)
	d.promise(cut.all && cut.worst <= d.slow*backLimit, "its players play again on another server within %v", d.slow*backLimit)
	d.promise(cut.same, "each is the same player there, in the zone of its ticket")
	d.promise(others == 0, "no player of another server is cut off")
}

// movesFrom sums up how the players of a node moved, and counts those of others who
// moved without having been asked to.
func (d *demo) movesFrom(from source) (s moveSummary, others int) {
	s.all, s.same = true, true
	for _, m := range d.swarm.moves {
		switch {
		case m.from == from:
			s.add(m)
		case !m.asked && m.from != d.killed.source:
			others++
		}
	}
	slices.Sort(s.times)
	return s, others
}

// moveSummary is how players of a node have moved.
type moveSummary struct {
	times     []time.Duration
	worst     time.Duration
	forgotten uint32 // the most
	to        map[uint16]int
	all, same bool // play again; are who they were
}

func (s *moveSummary) add(m *move) {
	if m.back.IsZero() {
		s.all = false
		return
	}
	if s.to == nil {
		s.to = make(map[uint16]int)
	}
	s.times = append(s.times, m.back.Sub(m.lost))
	s.worst = max(s.worst, m.back.Sub(m.lost))
	s.forgotten = max(s.forgotten, m.forgotten)
	s.to[m.to.node]++
	s.same = s.same && m.same
}

func (s moveSummary) String() string {
	if len(s.times) == 0 {
		return "nobody"
	}
	var to []string
	for _, node := range slices.Sorted(maps.Keys(s.to)) {
		to = append(to, fmt.Sprintf("%d to server %d", s.to[node], node))
	}
	return fmt.Sprintf("%s; p50 %v, max %v", strings.Join(to, ", "), milliseconds(s.times[len(s.times)/2]), milliseconds(s.worst))
}

func (d *demo) reportRestarts(w *tabwriter.Writer) {
	inTime, moved := true, true
	for _, r := range d.restarts {
		asked, _ := d.movesFrom(r.source)
		fmt.Fprintf(w, "server %d replaced (SIGTERM), gone after\t%v; leaving noticed after %s\n", r.number, milliseconds(r.gone), perNode(r.noticed))
		fmt.Fprintf(w, "its players: moved, played again after\t%s\n", asked)
		inTime = inTime && latest(r.noticed) <= d.slow*leaveLimit
		moved = moved && asked.all && asked.same && asked.worst <= d.slow*backLimit
	}
	d.promise(inTime, "a server that leaves is known to have left within %v", d.slow*leaveLimit)
	d.promise(moved, "its players play again on another server within %v, as the same players", d.slow*backLimit)
}

func (d *demo) reportLosses(w *tabwriter.Writer) {
	var heard, repeated, missing, living, unexplained, unexpected uint64
	for _, b := range d.swarm.all {
		a := &b.account
		heard += a.messages
		repeated += a.repeated
		unexpected += a.unexpected
		unexplained += a.unexplained()
		for of, n := range a.missing {
			missing += n
			if of.source != d.killed.source {
				living += n
			}
		}
	}
	gaps, which := d.gaps()
	said := 0
	for _, numbers := range d.swarm.acked {
		said += len(numbers)
	}
	withNode, shouts, otherwise := d.tails()
	fmt.Fprintf(w, "shouts acknowledged\t%d\n", said)
	fmt.Fprintf(w, "events heard, of which shouts repeated after the kill\t%d, %d\n", heard, repeated)
	fmt.Fprintf(w, "gaps: messages that servers report as lost\t%d%s\n", gaps, which)
	fmt.Fprintf(w, "events missing at players, not explained by a gap\t%d, %d\n", missing, unexplained)
	fmt.Fprintf(w, "acknowledged shouts that players never heard\t%d lost with server %d (%d times a player), %d otherwise\n", shouts, d.killed.number, withNode, otherwise)
	d.promise(unexplained == 0 && unexpected == 0, "what is missing is reported as a gap, and nothing comes twice or out of order")
	d.promise(living == 0 || d.slow > 1, "players miss nothing that happens on servers that live")
	d.promise(otherwise == 0, "a server that is replaced loses no acknowledged shout")
	d.promise(said > 0 && heard > 0, "something was said, and heard")
}

// gaps counts what servers have reported as lost, and says which.
func (d *demo) gaps() (messages uint64, which string) {
	for _, l := range d.log {
		if l.Message == "Gap" {
			messages += l.Missed
			which += fmt.Sprintf("; %d of server %d to server %d %s", l.Missed, l.Peer, l.process.number, l.Group)
		}
	}
	return messages, which
}

// tails counts what players have not heard of what a server acknowledged before its end:
// with the server that was killed, how many times and how many shouts, and otherwise.
func (d *demo) tails() (withNode, shouts, otherwise int) {
	lost := make(map[event]bool)
	for _, b := range d.swarm.all {
		for _, t := range b.account.tails {
			for _, number := range d.swarm.acked[t.stream] {
				switch {
				case number <= t.last:
				case t.source == d.killed.source:
					withNode++
					lost[event{t.source, t.zone, number}] = true
				default:
					otherwise++
				}
			}
		}
	}
	return withNode, len(lost), otherwise
}

func perNode(after map[uint16]time.Duration) string {
	var parts []string
	for _, node := range slices.Sorted(maps.Keys(after)) {
		parts = append(parts, fmt.Sprintf("%v (%d)", milliseconds(after[node]), node))
	}
	return strings.Join(parts, ", ")
}

func latest(after map[uint16]time.Duration) (d time.Duration) {
	for _, one := range after {
		d = max(d, one)
	}
	return d
}

func milliseconds(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
