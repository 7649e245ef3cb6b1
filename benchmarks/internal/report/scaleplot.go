package report

import (
	"fmt"
	"slices"
)

// scalePlots draws the cost of a datagram over the scale, a plot a work, a line a
// peer, both axes in powers of ten.
func scalePlots(measured []*row) []byte {
	var plots []scalePlot
	for i := range scaledWorks {
		if rows := scaledWorks[i].rowsOf(measured); len(rows) > 0 {
			plots = append(plots, scalePlot{&scaledWorks[i], rows})
		}
	}
	const width, height, top = 480, 340, 84
	s := newSVG(2*width, top+height*((len(plots)+1)/2), "Cost of a datagram over scale")
	s.text(16, 24, "start", "title", "Cost of a datagram, in ns, over the number of connections")
	s.legend(point{22, 48}, 2*width, peersOf(measured))
	for i, plot := range plots {
		plot.draw(s, float64(i%2*width), float64(top+i/2*height), width, height)
	}
	return s.end()
}

// A scalePlot is one work of it.
type scalePlot struct {
	*scaled
	rows []*row
}

// A costPoint is what a datagram cost at a scale.
type costPoint struct {
	scale int
	ns    float64
}

// costs returns a peer's points, from left to right.
func (p *scalePlot) costs(peer string) []costPoint {
	var costs []costPoint
	for _, r := range p.rows {
		if result := r.figure(peer); result != nil {
			if ns := p.costOf(result); ns > 0 {
				costs = append(costs, costPoint{r.Scale, ns})
			}
		}
	}
	slices.SortFunc(costs, func(a, b costPoint) int { return a.scale - b.scale })
	return costs
}

func (p *scalePlot) draw(s *svg, left, top, width, height float64) {
	peers := peersOf(p.rows)
	var scales, costs []float64
	for _, peer := range peers {
		for _, c := range p.costs(peer) {
			scales, costs = append(scales, float64(c.scale)), append(costs, c.ns)
		}
	}
	s.text(left+16, top+20, "start", "title", p.name)
	if len(costs) == 0 {
		return
	}
	x := newLogScale(slices.Min(scales), slices.Max(scales), left+84, left+width-32)
	y := newLogScale(slices.Min(costs), slices.Max(costs), top+height-52, top+36)
	for _, tick := range x.ticks(1) {
		s.line(x.at(tick), y.start, x.at(tick), y.finish, "grid")
		s.text(x.at(tick), y.start+18, "middle", "quiet", tickLabel(tick))
	}
	for _, tick := range y.ticks(1, 2, 5) {
		s.line(x.start, y.at(tick), x.finish, y.at(tick), "grid")
		s.text(x.start-8, y.at(tick)+4, "end", "quiet", tickLabel(tick)+" ns")
	}
	s.line(x.start, y.start, x.finish, y.start, "axis")
	s.line(x.start, y.start, x.start, y.finish, "axis")
	s.text((x.start+x.finish)/2, y.start+38, "middle", "quiet", p.axis)
	for _, peer := range slices.Backward(peers) { // queuednet on top
		var line []point
		costs := p.costs(peer)
		for _, c := range costs {
			line = append(line, point{x.at(float64(c.scale)), y.at(c.ns)})
		}
		s.polyline(line, fmt.Sprintf("line p%d", place(peer)))
		for i, c := range costs {
			s.mark(line[i], place(peer), fmt.Sprintf("%s, %s %s: %s ns", peer, number(float64(c.scale)), p.axis, number(c.ns)))
		}
	}
}
