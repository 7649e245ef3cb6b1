package distributed

// oneProcess is the Processes of a repository that is alone. Ranges are taken lowest
// first, and those that were given back last, as with Panda3D.
type oneProcess struct {
	size  uint32
	next  uint64   // of the ranges that were never used, counted from 0
	freed []uint32 // bases, the one that was released first in front
}

func newOneProcess(size uint32) *oneProcess { return &oneProcess{size: size} }

// ranges returns how many whole ranges lie below 2³².
func (p *oneProcess) ranges() uint64 { return (1<<32 - 1) / uint64(p.size) }

func (p *oneProcess) TakeRange() (uint32, bool) {
	if p.next < p.ranges() {
		p.next++
		return uint32((p.next-1)*uint64(p.size)) + 1, true
	}
	if len(p.freed) == 0 {
		return 0, false
	}
	base := p.freed[0]
	p.freed = p.freed[1:]
	return base, true
}

func (*oneProcess) World() uint32 { return 0 }

func (p *oneProcess) ReleaseRange(base uint32) { p.freed = append(p.freed, base) }

func (p *oneProcess) ProcessOf(uint32) (uint16, bool) { return 0, false }

func (p *oneProcess) WatchZone(uint32, bool) {}

func (p *oneProcess) Publish(uint32, []byte) error { return nil }

func (p *oneProcess) Send(uint16, []byte) error { return nil }

func (p *oneProcess) Receive(*ServerRepository) {}
