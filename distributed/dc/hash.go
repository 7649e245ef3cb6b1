package dc

import (
	"math"
	"slices"
	"sync"
)

// hashPrimes returns the first 10,000 prime numbers.
var hashPrimes = sync.OnceValue(func() []uint32 {
	const limit = 104730 // the 10,000th is 104729
	composite := make([]bool, limit)
	primes := make([]uint32, 0, 10000)
	for i := 2; i < limit; i++ {
		if composite[i] {
			continue
		}
		primes = append(primes, uint32(i))
		for j := 2 * i; j < limit; j += i {
			composite[j] = true
		}
	}
	return primes
})

// A hasher is Panda3D's HashGenerator: a sum of numbers, each times a prime.
type hasher struct {
	primes []uint32
	index  int
	sum    uint32
}

// add adds a number. Only its low 32 bits count.
func (h *hasher) add(v int64) {
	h.sum += h.primes[h.index] * uint32(v)
	if h.index++; h.index == len(h.primes) {
		h.index = 0
	}
}

// text adds a string, whose bytes have a sign.
func (h *hasher) text(s string) {
	h.add(int64(len(s)))
	for i := range len(s) {
		h.add(int64(int8(s[i])))
	}
}

// float adds a real without its fraction, as an x86 processor makes an int of it.
func (h *hasher) float(v float64) {
	if v > math.MinInt32-1 && v < math.MaxInt32+1 {
		h.add(int64(v))
	} else {
		h.add(math.MinInt32)
	}
}

// hashFile computes the hash of a file.
func hashFile(f *File) uint32 {
	h := hasher{primes: hashPrimes()}
	h.add(1)
	h.add(int64(len(f.classes)))
	for _, c := range f.classes {
		h.class(c)
	}
	return h.sum
}

func (h *hasher) class(c *Class) {
	h.text(c.name)
	if c.isStruct {
		h.add(1)
	}
	h.add(int64(len(c.parents)))
	for _, parent := range c.parents {
		h.add(int64(parent.Number()))
	}
	if c.constructor != nil {
		h.field(c.constructor)
	}
	h.add(int64(len(c.own)))
	for _, f := range c.own {
		h.field(f)
	}
}

func (h *hasher) field(f *Field) {
	switch f.kind {
	case Data:
		if len(f.keywords) > 0 {
			h.keywords(f)
		}
		h.typ(f.params[0].typ)
		return
	case Atomic:
		h.method(f.name, f.number, f.params)
		h.keywords(f)
		return
	}
	h.text(f.name)
	h.add(int64(f.number))
	h.add(int64(len(f.atomics)))
	for _, a := range f.atomics {
		h.field(a)
	}
}

func (h *hasher) method(name string, number int, params []*Parameter) {
	h.text(name)
	h.add(int64(number))
	h.add(int64(len(params)))
	for _, p := range params {
		h.typ(p.typ)
	}
}

// keywords adds the keywords of a field: bits if all are built in and none was declared.
func (h *hasher) keywords(f *Field) {
	if !f.declared {
		h.add(int64(f.bits))
		return
	}
	h.add(int64(len(f.keywords)))
	for _, k := range slices.Sorted(slices.Values(f.keywords)) {
		h.text(k)
	}
}

func (h *hasher) typ(t *Type) {
	switch t.kind {
	case Array:
		h.typ(t.elem)
	case Struct:
		h.class(t.class)
		return
	case Switch:
		h.switched(t.switched)
		return
	default:
		h.add(int64(t.kind))
		h.add(int64(t.divisor))
		if t.hasModulus {
			h.float(t.scaled)
		}
	}
	switch t.kind {
	case Int64:
		addRanges(h, wideRanges(t, func(v float64) int64 {
			if v >= math.MinInt64 && v < 1<<63 {
				return int64(v)
			}
			return math.MinInt64
		}), h.add)
	case Uint64:
		addRanges(h, wideRanges(t, func(v float64) uint64 {
			if v >= 0 && v < 1<<64 {
				return uint64(v)
			}
			return 0
		}), func(v uint64) { h.add(int64(v)) })
	default:
		addRanges(h, t.ints, h.add)
		addRanges(h, t.uints, func(v uint64) { h.add(int64(v)) })
		addRanges(h, t.reals, h.float)
	}
}

// wideRanges returns the range of a 64-bit integer as an x86 processor computes it. A
// bound that does not fit, as 1<<64-1 does not because it passes through a float64,
// becomes another one there.
func wideRanges[N int64 | uint64](t *Type, convert func(float64) N) (s []interval[N]) {
	for _, r := range t.declared {
		d := float64(t.divisor)
		s = addInterval(s, convert(math.Floor(float64(r.Min*d)+0.5)), convert(math.Floor(float64(r.Max*d)+0.5)))
	}
	return s
}

func addRanges[N int64 | uint64 | float64](h *hasher, s []interval[N], add func(N)) {
	if len(s) == 0 {
		return
	}
	h.add(int64(len(s)))
	for _, i := range s {
		add(i.min)
		add(i.max)
	}
}

func (h *hasher) switched(s *SwitchType) {
	h.text(s.name)
	h.key(s.key)
	h.add(int64(len(s.cases)))
	for _, c := range s.cases {
		h.add(int64(len(c.value)))
		for _, b := range c.value {
			h.add(int64(b))
		}
		h.caseFields(s, c)
	}
	if s.other != nil {
		h.caseFields(s, s.other)
	}
}

func (h *hasher) caseFields(s *SwitchType, c *Case) {
	h.add(int64(len(c.fields) + 1))
	h.key(s.key)
	for _, f := range c.fields {
		h.typ(f.typ)
	}
}

// key adds the key of a switch. A method as a key has no number, and no keywords.
func (h *hasher) key(key *Parameter) {
	if key.typ.kind != Method {
		h.typ(key.typ)
		return
	}
	h.method(key.name, -1, key.typ.members)
	h.add(0)
}
