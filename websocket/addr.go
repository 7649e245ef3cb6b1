package websocket

// An addr is the address of an end that has none that the library knows.
type addr string

func (addr) Network() string  { return "websocket" }
func (a addr) String() string { return string(a) }
