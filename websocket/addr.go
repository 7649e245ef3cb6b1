package websocket

// An addr names an end whose address is not known.
type addr string

func (addr) Network() string  { return "websocket" }
func (a addr) String() string { return string(a) }
