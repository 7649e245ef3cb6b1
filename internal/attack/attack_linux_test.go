package attack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An attack is what its three programs need to know of it.
type attack struct {
	name   string
	what   string           // in the table
	config queuednet.Config // of the server's managers
	apart  bool             // the bystander's manager is another one

	// In the attacker; a short one is repeated in the long form.
	run  func(a *attacker)
	once bool // not repeated

	// In the server, each may be nil: at its start, in each frame, and for each
	// datagram of an attacker.
	begin    func(s *server)
	frame    func(s *server)
	received func(s *server, e *entry, datagram *queuednet.NetDatagram)

	// In the test. hold is how many bytes the library may hold for the attack at
	// a time, by its documentation; idle connections are counted without.
	hold      func() int64
	check     func(t *testing.T, o *outcome) // further assertions, may be nil
	namespace bool                           // it needs a network of its own
	heavy     bool                           // not under the race detector
}

// An outcome is what the programs have told.
type outcome struct {
	attacker assaultReport
	server   report
	result   result
}

// What is asserted of each attack, besides the ledgers.
const (
	// A round trip is up to a frame, because the server polls once a frame. An
	// attack may cost a bystander at most one more.
	noise = frame

	// The processor time of the calls of 99 in 100 frames; and of each frame, not
	// counting what the machine adds to a frame of the same length without the library.
	// With waiting, for locks of whose holders the system has taken the processor,
	// that holds for 99 of 100 frames, and none may wait for a whole frame.
	longestFrame = 2 * time.Millisecond

	// A server that does nothing has 9 MiB in memory, most of it the binary, and
	// the collector lets garbage grow to 4 MiB.
	baseMemory = 16 << 20

	// An idle connection: its socket, goroutine and structures, and its line in the
	// server's ledger.
	idleConnection = 8 << 10
)

// attacks is made when the flags are known: see TestMain.
var attacks []*attack

func allAttacks() []*attack {
	return slices.Concat(streamAttacks(), cutAttacks(), loadAttacks(), systemAttacks())
}

func TestAttack(t *testing.T) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			switch {
			case testmode.Race && a.heavy:
				t.Skip("skipped: too heavy under the race detector")
			case a.namespace && !inNamespace():
				results = append(results, rerunInNamespace(t)...)
			default:
				result := a.test(t)
				results = append(results, result)
				handOver(result)
			}
		})
	}
}

// test attacks. What is counted must be right each time. What is measured may be
// wrong because of what else the machine does, but not each time.
func (a *attack) test(t *testing.T) (r result) {
	tries := pick(5, 3)
	for try := range tries {
		o := a.try(t)
		r = o.result
		r.Tries = try + 1
		wrong := o.excess()
		switch {
		case !measured():
			t.Log("times and memory are not asserted: see the flags")
			return r
		case len(wrong) == 0 || t.Failed():
			return r
		case try == tries-1:
			t.Errorf("%d times in a row: %s", tries, strings.Join(wrong, ", "))
		default:
			t.Log("once more: ", strings.Join(wrong, ", "))
		}
	}
	return r
}

// excess tells which figures are out of bounds.
func (o *outcome) excess() (wrong []string) {
	r := o.result
	if r.With > r.Without+noise {
		wrong = append(wrong, fmt.Sprintf("the bystander's p99 is %v, without the attack %v", r.With, r.Without))
	}
	if r.Memory > r.Bound {
		wrong = append(wrong, fmt.Sprintf("the peak of memory is %.1f MiB, the bound %.1f", mib(r.Memory), mib(r.Bound)))
	}
	if r.CPU > longestFrame+r.Machine {
		wrong = append(wrong, fmt.Sprintf("the longest frame took %v of the processor, %v of which may be the machine's", r.CPU, r.Machine))
	}
	if r.UsualCPU > longestFrame {
		wrong = append(wrong, fmt.Sprintf("99 of 100 frames took up to %v of the processor", r.UsualCPU))
	}
	if r.UsualBusy > longestFrame+r.Common {
		wrong = append(wrong, fmt.Sprintf("99 of 100 frames took up to %v, %v of which may be the machine's", r.UsualBusy, r.Common))
	}
	if r.Busy > frame {
		wrong = append(wrong, fmt.Sprintf("a frame took %v", r.Busy))
	}
	if o.server.Close > 2*time.Second {
		wrong = append(wrong, fmt.Sprintf("the manager's Close took %v", o.server.Close))
	}
	return wrong
}

// result puts together the figures of an attempt. The bystander measured in peace between
// the first two times and the last two, and during the attack between.
func (a *attack) result(o *outcome, b *bystander, times []time.Time, machine, common time.Duration) result {
	stops := o.server.Stops
	return result{
		Attack:      a.what,
		Without:     max(b.p99(times[0], times[1], stops), b.p99(times[3], times[4], stops)),
		With:        b.p99(times[1], times[2], stops),
		Memory:      o.server.Peak,
		Bound:       baseMemory + int64(len(o.server.Ledger))*idleConnection + 3*a.hold(),
		CPU:         slices.Max(o.server.CPUs),
		UsualCPU:    usual(o.server.CPUs),
		UsualBusy:   usual(o.server.Busies),
		Machine:     machine,
		Common:      common,
		Busy:        slices.Max(o.server.Busies),
		Wall:        slices.Max(o.server.Walls),
		Connections: len(o.server.Ledger),
	}
}

// try is one attempt: start the server, let the bystander measure in peace,
// attack, let it measure in peace again, and compare what everybody tells.
func (a *attack) try(t *testing.T) *outcome {
	server := start(t, "server", a, "")
	addresses := told[[]string](t, server, time.Minute)
	b := newBystander(t, addresses[0], max(a.config.TCPHeaderSize, 2))
	c := startControl()
	quiet := pick(350*time.Millisecond, 3*time.Second)

	times := []time.Time{time.Now()}
	time.Sleep(quiet)
	times = append(times, time.Now())
	var o outcome
	assailant := start(t, "attacker", a, addresses[1])
	o.attacker = told[assaultReport](t, assailant, pick(3*time.Minute, 10*time.Minute))
	require.NoError(t, assailant.cmd.Wait())
	times = append(times, time.Now())
	time.Sleep(50 * time.Millisecond) // its descriptors are being closed
	times = append(times, time.Now())
	time.Sleep(quiet)
	times = append(times, time.Now())
	b.leave()
	machine, common := c.end()
	fmt.Fprintln(server.stdin, "end")
	o.server = told[report](t, server, 2*time.Minute)
	require.NoError(t, server.cmd.Wait())

	o.result = a.result(&o, b, times, machine, common)
	o.compare(t)
	assert.Empty(t, o.attacker.Errors, "what the attacker saw")
	assert.Empty(t, o.server.CloseError, "the error of the manager's Close")
	assert.LessOrEqual(t, o.server.Goroutines, 0, "goroutines left")
	assert.LessOrEqual(t, o.server.Files, 0, "descriptors left")
	if a.check != nil {
		a.check(t, &o)
	}
	r := o.result
	t.Logf("bystander p99 %.1f, before and after %.1f ms; peak %.1f MiB of %.1f; 99 of 100 of %d frames %.2f ms of the processor, %.2f with waiting, the longest %.2f (the machine added up to %.2f), %.2f with waiting, wall %.2f; %d connections, %d ends, %d datagrams; %v %v",
		ms(r.With), ms(r.Without), mib(r.Memory), mib(r.Bound), len(o.server.Busies), ms(r.UsualCPU), ms(r.UsualBusy), ms(r.CPU), ms(r.Machine), ms(r.Busy), ms(r.Wall),
		r.Connections, r.Ends, r.Datagrams, o.server.Notes, o.attacker.Notes)
	return &o
}

// compare is the ledgers' agreement: each end reported once, after its data,
// with the right reason, and nothing lost.
func (o *outcome) compare(t *testing.T) {
	var wrong []string
	expected := make(map[string][]*record)
	for _, r := range o.attacker.Records {
		expected[r.Address] = append(expected[r.Address], r)
	}
	for _, e := range o.server.Ledger {
		o.result.Ends += e.Reports
		o.result.Datagrams += e.N
		// Ports are used again: the system keeps the order of such connections.
		records := expected[e.Address]
		for len(records) > 1 && records[0].Maybe && records[0].differs(e) != "" {
			records = records[1:]
		}
		if len(records) == 0 {
			wrong = append(wrong, e.Address+": nobody's")
			continue
		}
		r := records[0]
		expected[e.Address] = records[1:]
		if r.Sums == nil {
			o.result.Lost += max(r.N-e.N, 0)
		}
		if what := r.differs(e); what != "" {
			wrong = append(wrong, e.Address+": "+what)
		}
	}
	for _, records := range expected {
		for _, r := range records {
			if !r.Maybe {
				o.result.Lost += r.N
				wrong = append(wrong, r.Address+": not accepted")
			}
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%d of %d connections differ:\n%s", len(wrong), len(o.server.Ledger), strings.Join(wrong[:min(len(wrong), 8)], "\n"))
	}
	assert.Zero(t, o.server.Strays, "datagrams or ends of unknown connections")
	assert.Zero(t, o.result.Lost, "datagrams lost")
}

// differs tells in what an entry of the server's is not what it must be.
func (r *record) differs(e *entry) string {
	var wrong []string
	is := func(what string, must, have any) {
		if must != have {
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", what, have, must))
		}
	}
	if r.Sums == nil {
		is("number of datagrams", r.N, e.N)
		is("sum", r.Sum, e.Sum)
	} else if e.N >= len(r.Sums) || r.Sums[e.N] != e.Sum {
		wrong = append(wrong, "what was received is not the beginning of what was sent")
	}
	if !slices.Contains(r.Reasons, e.Reason) {
		wrong = append(wrong, fmt.Sprintf("reason is %q, not of %q", e.Reason, r.Reasons))
	}
	if e.Closed {
		is("number of reports of an end by the program", 0, e.Reports)
	} else {
		is("number of reports", 1, e.Reports)
		is("number of datagrams after the end", 0, e.Late)
	}
	if r.Counted {
		is("number of datagrams that the peer got", e.Sent, r.Got)
	}
	return strings.Join(wrong, ", ")
}
