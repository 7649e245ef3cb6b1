package attack

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/queuednet/queuednet"
)

const frame = time.Second / 60

// A side is a manager and what polls it.
type side struct {
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
}

func newSide(config queuednet.Config) *side {
	manager := queuednet.NewQueuedConnectionManager(&config)
	return &side{
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
	}
}

// listen opens a rendezvous on the loopback.
func (s *side) listen(port int) *queuednet.Connection {
	var address queuednet.NetAddress
	check(address.SetHost("127.0.0.1", port))
	rendezvous, err := s.manager.OpenTCPServerRendezvousAt(address, 0)
	check(err)
	check(s.listener.AddConnection(rendezvous))
	return rendezvous
}

// A server is the program under attack: a loop of 60 frames a second that
// answers bystanders, who come in by a port of their own, and keeps a ledger
// of the attackers. Both are connections of one manager, in one reader, unless
// the attack closes that.
type server struct {
	attack     *attack
	main       *side // the attacked one
	sides      []*side
	bystanders *queuednet.Connection
	attacked   *queuednet.Connection

	entries map[*queuednet.Connection]*entry
	last    *entry // the one that received last
	ledger  []*entry
	report  report

	frames int
	meter  *meter
	orders chan string
	pause  time.Duration // of the program, behind this frame
	logged atomic.Int32
	state  any // of the attack's own
}

// An entry is what the program was told of one attacker's connection.
type entry struct {
	conn     *queuednet.Connection
	accepted int // the frame

	Address string
	N       int    // datagrams received
	Sum     uint32 // of them, in their order: see sum
	Sent    int    // datagrams that Send took
	Closed  bool   // by the program
	Reports int    // of its end
	Reason  string // as first reported
	Late    int    // datagrams after that
}

// A stop is when the program was not polling, of its own will, or was catching up.
type stop struct{ From, To time.Time }

// A report is what the server tells at its end.
type report struct {
	Ledger     []*entry
	Strays     int // datagrams and ends of connections that are none of the program's
	Peak       int64
	Walls      []time.Duration // of the frames
	Busies     []time.Duration
	CPUs       []time.Duration
	CatchUp    []time.Duration // busy times of the frames after a stop of the program's own
	Stops      []stop
	Logged     int
	LogLine    string
	Goroutines int // left at the end, beyond those of the start
	Files      int
	Close      time.Duration
	CloseError string
	Notes      map[string]float64
}

// serve is the server program.
func serve(a *attack) {
	runtime.LockOSThread()
	s := &server{
		attack:  a,
		entries: make(map[*queuednet.Connection]*entry),
		orders:  make(chan string),
		meter:   newMeter(),
	}
	s.report.Notes = make(map[string]float64)
	go s.listenToOrders()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the runtime's poller has descriptors too
	check(err)
	listener.Close()
	files := openFiles()
	goroutines := runtime.NumGoroutine()

	config := a.config
	config.Logger = slog.New(logCounter{s})
	s.main = newSide(config)
	s.sides = []*side{s.main}
	own := s.main
	if a.apart {
		own = newSide(config)
		s.sides = append(s.sides, own)
	}
	s.bystanders = own.listen(0)
	s.attacked = s.main.listen(0)
	if a.begin != nil {
		a.begin(s)
	}
	tell([]string{s.bystanders.LocalAddress().String(), s.attacked.LocalAddress().String()})
	s.loop()

	start := time.Now()
	for _, side := range s.sides {
		if err := side.manager.Close(); err != nil {
			s.report.CloseError = err.Error()
		}
	}
	s.report.Close = time.Since(start)
	s.report.Goroutines = settledGoroutines(goroutines) - goroutines
	s.report.Files = openFiles() - files
	s.report.Peak = max(s.report.Peak, residentMemory())
	s.report.Ledger = s.ledger
	s.report.Walls, s.report.Busies, s.report.CPUs = s.meter.walls, s.meter.busies, s.meter.usage
	s.report.Logged = int(s.logged.Load())
	tell(s.report)
}

// listenToOrders hands the lines of the standard input to the loop.
func (s *server) listenToOrders() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s.orders <- lines.Text()
	}
	os.Exit(1) // nobody is left to report to
}

// loop polls until it is told to end and everybody has gone, or for a while more.
func (s *server) loop() {
	var (
		next     = time.Now()
		giveUp   time.Time
		catching time.Time // up with what came while the program had stopped
		quiet    int       // frames without any attacker
	)
	for {
		caught := len(s.meter.busies)
		s.meter.begin()
		s.frame()
		s.meter.end()
		s.frames++
		if s.frames%5 == 0 {
			s.report.Peak = max(s.report.Peak, heldMemory())
		}
		if time.Now().Before(catching) {
			s.report.CatchUp = append(s.report.CatchUp, s.meter.busies[caught:]...)
			s.meter.walls, s.meter.busies, s.meter.usage = s.meter.walls[:caught], s.meter.busies[:caught], s.meter.usage[:caught]
		}

		if s.pause > 0 {
			from := time.Now()
			time.Sleep(s.pause)
			s.pause = 0
			next = time.Now()
			catching = next.Add(500 * time.Millisecond)
			s.report.Stops = append(s.report.Stops, stop{from, catching})
		}
		select {
		case <-s.orders:
			giveUp = time.Now().Add(20 * time.Second)
		default:
		}
		if quiet++; s.open() > 0 {
			quiet = 0
		}
		if !giveUp.IsZero() && (quiet > 10 || time.Now().After(giveUp)) {
			return
		}
		next = next.Add(frame)
		if late := time.Since(next); late > 0 {
			next = time.Now()
		}
		time.Sleep(time.Until(next))
	}
}

// open counts the attackers whose end is not known.
func (s *server) open() int {
	return len(s.ledger) - int(s.report.Notes["ended"])
}

// frame is what the game's loop would do once a frame; it is measured.
func (s *server) frame() {
	for _, side := range s.sides {
		for conn := range side.listener.NewConnections() {
			check(side.reader.AddConnection(conn))
			if conn.Rendezvous() != s.bystanders {
				s.accepted(conn, conn.Address().String())
			}
		}
		for datagram := range side.reader.Datagrams() {
			s.received(side, datagram)
		}
		for conn := range side.manager.ResetConnections() {
			if conn.Rendezvous() != s.bystanders {
				s.ended(conn)
			}
		}
	}
	if s.attack.frame != nil {
		s.attack.frame(s)
	}
}

func (s *server) accepted(conn *queuednet.Connection, address string) *entry {
	e := &entry{conn: conn, Address: address, accepted: s.frames}
	s.entries[conn] = e
	s.ledger = append(s.ledger, e)
	return e
}

func (s *server) received(side *side, datagram *queuednet.NetDatagram) {
	conn := datagram.Connection()
	if s.last == nil || s.last.conn != conn {
		if conn.Rendezvous() == s.bystanders {
			check(side.writer.Send(&datagram.Datagram, conn))
			return
		}
		e := s.entries[conn]
		if e == nil {
			s.report.Strays++
			return
		}
		s.last = e
	}
	e := s.last
	e.N++
	if datagram.Length() < longDatagram {
		e.Sum = sum(e.Sum, datagram.Message())
	} else {
		s.meter.exclude(func() { e.Sum = sum(e.Sum, datagram.Message()) })
	}
	if e.Reports > 0 {
		e.Late++
	}
	if s.attack.received != nil {
		s.attack.received(s, e, datagram)
	}
}

func (s *server) ended(conn *queuednet.Connection) {
	e := s.entries[conn]
	if e == nil {
		s.report.Strays++
		return
	}
	if e.Reports++; e.Reports == 1 {
		e.Reason = reason(conn.Err())
		if !e.Closed {
			s.report.Notes["ended"]++
		}
	}
}

// send sends to an attacker.
func (s *server) send(e *entry, datagram *queuednet.Datagram) {
	if s.main.writer.Send(datagram, e.conn) == nil {
		e.Sent++
	}
}

// close closes an attacker's connection.
func (s *server) close(e *entry) {
	if !e.Closed && s.main.manager.CloseConnection(e.conn) {
		e.Closed = true
		e.Reason = reason(net.ErrClosed)
		s.report.Notes["ended"]++
	}
}

// echo answers with the same; it is a received of several attacks.
func echo(s *server, e *entry, datagram *queuednet.NetDatagram) { s.send(e, &datagram.Datagram) }

// longDatagram is the length from which the memory that a sum reads takes more
// time than all that the library does.
const longDatagram = 16 << 10

// sum adds a datagram to a sum that depends on all before it, and their limits.
func sum(sum uint32, payload []byte) uint32 {
	return crc32.Update(sum^uint32(len(payload)), castagnoli, payload) + 1
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why connections end, as the ledgers have it.
const (
	eof           = "EOF"
	unexpectedEOF = "unexpected EOF"
	reset         = "reset"
	writeTimeout  = "write timeout"
	sendQueueFull = "send queue full"
	closed        = "closed"
)

func tooLong(length int64) string { return fmt.Sprint("too long: ", length) }

func reason(err error) string {
	var long *queuednet.DatagramTooLongError
	switch {
	case err == nil:
		return "none"
	case err == io.EOF:
		return eof
	case err == io.ErrUnexpectedEOF:
		return unexpectedEOF
	case errors.As(err, &long):
		return tooLong(long.Length)
	case errors.Is(err, queuednet.ErrWriteTimeout):
		return writeTimeout
	case errors.Is(err, queuednet.ErrSendQueueFull):
		return sendQueueFull
	case errors.Is(err, net.ErrClosed):
		return closed
	case errors.Is(err, syscall.ECONNRESET):
		return reset
	}
	return err.Error()
}

// number returns a datagram that is a number and some more.
func number(n, size int) []byte {
	b := make([]byte, max(size, 4))
	binary.LittleEndian.PutUint32(b, uint32(n))
	return b
}

// A logCounter is a log that counts the lines an operator sees and keeps the first.
type logCounter struct{ s *server }

func (l logCounter) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l logCounter) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l logCounter) WithGroup(string) slog.Handler                    { return l }
func (l logCounter) Handle(_ context.Context, r slog.Record) error {
	if l.s.logged.Add(1) == 1 {
		l.s.report.LogLine = r.Message
	}
	return nil
}
