package attack

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// An attacker is the program that attacks. It knows nothing of the library: it
// has plain sockets, and cuts what it sends into datagrams by itself, so that it
// can tell what the server must have received.
type attacker struct {
	attack *attack
	target string
	hold   time.Duration // of an attack that has no length of its own
	report assaultReport

	mu    sync.Mutex
	peers []*peer
}

// An assaultReport is what the attacker tells at its end.
type assaultReport struct {
	Records []*record
	Errors  []string
	Notes   map[string]float64
}

// A record is what the server's ledger must have of one connection.
type record struct {
	Address string
	N       int    // datagrams
	Sum     uint32 // of them
	Reasons []string
	Maybe   bool     // the server need not have seen it
	Sums    []uint32 // after each number of datagrams, where the server may have taken any; else nil
	Counted bool     // Got is what the server must have sent
	Got     int
}

// A peer is a connection of the attacker.
type peer struct {
	*net.TCPConn
	attacker *attacker
	record   *record

	// What has been sent, as the server cuts it.
	tail    []byte
	tooLong bool
}

// assault is the attacker program. It makes way for the server and the bystander,
// because an attacker has a machine of its own as a rule.
func assault(a *attack, target string) {
	if prioritize(-5) != nil {
		check(prioritize(5))
	}
	at := &attacker{attack: a, target: target, hold: pick(800*time.Millisecond, 10*time.Second)}
	at.report.Notes = make(map[string]float64)
	for end := time.Now().Add(pick(0, 4*time.Second)); ; { // a p99 needs some time
		a.run(at)
		if a.once || time.Now().After(end) {
			break
		}
	}
	for _, p := range at.peers {
		at.report.Records = append(at.report.Records, p.record)
	}
	tell(at.report)
	os.Exit(0)
}

// failed notes what must not happen.
func (a *attacker) failed(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.report.Errors) < 5 {
		a.report.Errors = append(a.report.Errors, fmt.Sprintf(format, args...))
	}
}

// note keeps the largest of some values for the table.
func (a *attacker) note(name string, value float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Notes[name] = max(a.report.Notes[name], value)
}

// tryDial opens a connection.
func (a *attacker) tryDial() (*peer, error) {
	socket, err := net.DialTimeout("tcp", a.target, time.Minute)
	if err != nil {
		return nil, err
	}
	check(socket.SetDeadline(time.Now().Add(pick(2*time.Minute, 5*time.Minute))))
	return a.peer(socket.(*net.TCPConn), socket.LocalAddr().String()), nil
}

func (a *attacker) peer(socket *net.TCPConn, address string) *peer {
	p := &peer{TCPConn: socket, attacker: a, record: &record{Address: address}}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers = append(a.peers, p)
	return p
}

// dial is tryDial of a connection that must come about.
func (a *attacker) dial() *peer {
	p, err := a.tryDial()
	if err != nil {
		a.failed("dial: %v", err)
		panic(err)
	}
	return p
}

// crowd calls do for each number below n, so many at a time.
func (a *attacker) crowd(n, atOnce int, do func(i int)) {
	var crowd sync.WaitGroup
	next := make(chan int)
	for range min(atOnce, n) {
		crowd.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	crowd.Wait()
}

// each calls do for each number below n, all at a time.
func (a *attacker) each(n int, do func(i int)) { a.crowd(n, n, do) }

// headerSize is that of the attacked server.
func (a *attacker) headerSize() int { return max(a.attack.config.TCPHeaderSize, 2) }

// maxDatagram is the longest that the server takes.
func (a *attacker) maxDatagram() int64 {
	switch {
	case a.attack.config.MaxDatagramSize != 0:
		return int64(a.attack.config.MaxDatagramSize)
	case a.headerSize() == 4:
		return 1 << 20
	}
	return 1<<16 - 1
}

// frame appends a datagram behind its header.
func (a *attacker) frame(b, payload []byte) []byte {
	return append(a.header(b, uint32(len(payload))), payload...)
}

func (a *attacker) header(b []byte, length uint32) []byte {
	if a.headerSize() == 4 {
		return binary.LittleEndian.AppendUint32(b, length)
	}
	return binary.LittleEndian.AppendUint16(b, uint16(length))
}

// write sends bytes, and takes account of those that the system has accepted.
func (p *peer) write(b []byte) error {
	n, err := p.Write(b)
	p.account(b[:n])
	return err
}

// send sends datagrams.
func (p *peer) send(payloads ...[]byte) error {
	var b []byte
	for _, payload := range payloads {
		b = p.attacker.frame(b, payload)
	}
	return p.write(b)
}

// account cuts what has been sent into datagrams.
func (p *peer) account(b []byte) {
	if p.tooLong {
		return
	}
	if len(p.tail) > 0 {
		p.tail = append(p.tail, b...)
		b = p.tail
	}
	size := p.attacker.headerSize()
	for len(b) >= size {
		length := int64(binary.LittleEndian.Uint16(b))
		if size == 4 {
			length = int64(binary.LittleEndian.Uint32(b))
		}
		if length > p.attacker.maxDatagram() {
			p.tooLong = true
			p.record.Reasons = []string{tooLong(length)}
			return
		}
		if int64(len(b)-size) < length {
			break
		}
		p.record.N++
		p.record.Sum = sum(p.record.Sum, b[size:size+int(length)])
		if p.record.Sums != nil {
			p.record.Sums = append(p.record.Sums, p.record.Sum)
		}
		b = b[size+int(length):]
	}
	p.tail = append(p.tail[:0], b...)
}

// anyNumber says that the server may have taken any number of the datagrams.
func (p *peer) anyNumber() { p.record.Sums = []uint32{0} }

// ends records why the server says that the connection has ended.
func (p *peer) ends(reasons ...string) {
	if !p.tooLong && p.record.Reasons == nil {
		p.record.Reasons = reasons
	}
}

// atEnd is the reason that a clean end has, here.
func (p *peer) atEnd() string {
	if len(p.tail) > 0 {
		return unexpectedEOF
	}
	return eof
}

// fin closes the connection.
func (p *peer) fin() {
	p.ends(p.atEnd())
	p.Close()
}

// rst resets the connection. What was sent before has arrived: the wire is the
// loopback, and the callers send little.
func (p *peer) rst() {
	p.ends(reset)
	p.SetLinger(0)
	p.Close()
}

// halfClose ends the sending side only.
func (p *peer) halfClose() {
	p.ends(p.atEnd())
	p.CloseWrite()
}

// receive reads one datagram.
func (p *peer) receive() ([]byte, error) {
	header := make([]byte, p.attacker.headerSize())
	if _, err := io.ReadFull(p, header); err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint16(header))
	if len(header) == 4 {
		length = int(binary.LittleEndian.Uint32(header))
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(p, payload); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	p.record.Got++
	return payload, nil
}

// exchange sends a datagram and waits for its echo.
func (p *peer) exchange(payload []byte) error {
	if err := p.send(payload); err != nil {
		return err
	}
	answer, err := p.receive()
	if err == nil && string(answer) != string(payload) {
		p.attacker.failed("an echo of %q is %q", payload, answer)
	}
	return err
}
