package distributed

// The methods for the fields of DistributedSmoothNode and DistributedNode. Those with a
// timestamp are reports of where the object is; those of a generate place it at once.

func (n *SmoothNode) SetX(x float64) { n.X = x }
func (n *SmoothNode) SetY(y float64) { n.Y = y }
func (n *SmoothNode) SetZ(z float64) { n.Z = z }
func (n *SmoothNode) SetH(h float64) { n.H = h }
func (n *SmoothNode) SetP(p float64) { n.P = p }
func (n *SmoothNode) SetR(r float64) { n.R = r }

func (n *SmoothNode) GetX() float64 { return n.X }
func (n *SmoothNode) GetY() float64 { return n.Y }
func (n *SmoothNode) GetZ() float64 { return n.Z }
func (n *SmoothNode) GetH() float64 { return n.H }
func (n *SmoothNode) GetP() float64 { return n.P }
func (n *SmoothNode) GetR() float64 { return n.R }

func (n *SmoothNode) SetPos(x, y, z float64) { n.X, n.Y, n.Z = x, y, z }
func (n *SmoothNode) SetHpr(h, p, r float64) { n.H, n.P, n.R = h, p, r }
func (n *SmoothNode) SetXY(x, y float64)     { n.X, n.Y = x, y }
func (n *SmoothNode) SetXZ(x, z float64)     { n.X, n.Z = x, z }
func (n *SmoothNode) SetXYH(x, y, h float64) { n.X, n.Y, n.H = x, y, h }

func (n *SmoothNode) SetXYZH(x, y, z, h float64) { n.X, n.Y, n.Z, n.H = x, y, z, h }

func (n *SmoothNode) SetPosHpr(x, y, z, h, p, r float64) { n.PosHpr = PosHpr{x, y, z, h, p, r} }

func (n *SmoothNode) SetComponentX(x float64) { n.X = x }
func (n *SmoothNode) SetComponentY(y float64) { n.Y = y }
func (n *SmoothNode) SetComponentZ(z float64) { n.Z = z }
func (n *SmoothNode) SetComponentH(h float64) { n.H = h }
func (n *SmoothNode) SetComponentP(p float64) { n.P = p }
func (n *SmoothNode) SetComponentR(r float64) { n.R = r }

// SetComponentT comes last in a generate: the object is there at once.
func (n *SmoothNode) SetComponentT(int16) { n.samples = nil }

func (n *SmoothNode) GetComponentX() float64 { return n.X }
func (n *SmoothNode) GetComponentY() float64 { return n.Y }
func (n *SmoothNode) GetComponentZ() float64 { return n.Z }
func (n *SmoothNode) GetComponentH() float64 { return n.H }
func (n *SmoothNode) GetComponentP() float64 { return n.P }
func (n *SmoothNode) GetComponentR() float64 { return n.R }

// GetComponentL is the zone: programs of Panda3D take it for that. What they send is
// ignored here, as many send 0.
func (n *SmoothNode) GetComponentL() uint64 { return uint64(n.zone) }

func (n *SmoothNode) GetComponentT() int16 { return 0 }

// ClearSmoothing forgets the reports.
func (n *SmoothNode) ClearSmoothing(int8) { n.samples = nil }

// SetSmStop reports that the object stays where it is.
func (n *SmoothNode) SetSmStop(t int16) { n.report(t) }

func (n *SmoothNode) SetSmH(h float64, t int16) { n.H = h; n.report(t) }
func (n *SmoothNode) SetSmZ(z float64, t int16) { n.Z = z; n.report(t) }

func (n *SmoothNode) SetSmXY(x, y float64, t int16)     { n.SetXY(x, y); n.report(t) }
func (n *SmoothNode) SetSmXZ(x, z float64, t int16)     { n.SetXZ(x, z); n.report(t) }
func (n *SmoothNode) SetSmPos(x, y, z float64, t int16) { n.SetPos(x, y, z); n.report(t) }
func (n *SmoothNode) SetSmHpr(h, p, r float64, t int16) { n.SetHpr(h, p, r); n.report(t) }
func (n *SmoothNode) SetSmXYH(x, y, h float64, t int16) { n.SetXYH(x, y, h); n.report(t) }

func (n *SmoothNode) SetSmXYZH(x, y, z, h float64, t int16) { n.SetXYZH(x, y, z, h); n.report(t) }

func (n *SmoothNode) SetSmPosHpr(x, y, z, h, p, r float64, t int16) {
	n.SetPosHpr(x, y, z, h, p, r)
	n.report(t)
}

func (n *SmoothNode) SetSmPosHprL(_ uint64, x, y, z, h, p, r float64, t int16) {
	n.SetSmPosHpr(x, y, z, h, p, r, t)
}
