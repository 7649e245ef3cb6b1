package dc

// A Packer packs the arguments of a field one by one, without allocating. Nested values
// are put between Push and Pop. The first error sticks; Finish returns it.
//
//	p := field.Packer(dst)
//	p.Float(1.5)
//	p.Push() // an array, a struct or a switch
//	p.Uint(7)
//	p.Pop()
//	dst, err := p.Finish()
type Packer struct{ dst []byte }

// Packer returns a Packer that appends to dst.
func (f *Field) Packer(dst []byte) Packer { return Packer{dst} }

// Int packs an integer.
func (p *Packer) Int(v int64) {}

// Uint packs an unsigned integer.
func (p *Packer) Uint(v uint64) {}

// Float packs a real; for an integer type it is rounded.
func (p *Packer) Float(v float64) {}

// String packs a string, a blob, a char or a char[].
func (p *Packer) String(v string) {}

// Bytes packs what String does, and also a uint8[] or int8[].
func (p *Packer) Bytes(v []byte) {}

// Push begins an array, a struct or a switch.
func (p *Packer) Push() {}

// Pop ends what the last Push has begun.
func (p *Packer) Pop() {}

// Finish returns dst with the packed arguments, or as it was, and an error.
func (p *Packer) Finish() ([]byte, error) { return p.dst, errTODO }

// An Unpacker unpacks the arguments of a field one by one, without allocating. The first
// error sticks: after it every call returns zero, and Finish returns the error.
type Unpacker struct{}

// Unpacker returns an Unpacker of the arguments at the beginning of data.
func (f *Field) Unpacker(data []byte) Unpacker { return Unpacker{} }

// Int unpacks an integer.
func (u *Unpacker) Int() int64 { return 0 }

// Uint unpacks an unsigned integer.
func (u *Unpacker) Uint() uint64 { return 0 }

// Float unpacks a number.
func (u *Unpacker) Float() float64 { return 0 }

// String unpacks a string, a char or a char[], or a blob.
func (u *Unpacker) String() string { return "" }

// Bytes unpacks what String does, and also a uint8[] or int8[]. The result is part of data.
func (u *Unpacker) Bytes() []byte { return nil }

// Push begins an array, a struct or a switch.
func (u *Unpacker) Push() {}

// More says whether the array that the last Push has begun has another element.
func (u *Unpacker) More() bool { return false }

// Pop ends what the last Push has begun; all of it must have been unpacked.
func (u *Unpacker) Pop() {}

// Finish returns how many bytes the arguments took; all of them must have been unpacked.
func (u *Unpacker) Finish() (n int, err error) { return 0, errTODO }
