package game

import "math"

// One is the length of a unit: all places and velocities are multiples of 1/One.
const One = 1024

// A Vec is a place, or a velocity per tick, in 1/One of a unit.
type Vec struct{ X, Y int32 }

// Add returns the sum.
func (v Vec) Add(w Vec) Vec { return Vec{v.X + w.X, v.Y + w.Y} }

// Sub returns the difference.
func (v Vec) Sub(w Vec) Vec { return Vec{v.X - w.X, v.Y - w.Y} }

// Length returns the length, rounded down.
func (v Vec) Length() int32 { return int32(root(v.square())) }

// Within reports whether the length is at most d.
func (v Vec) Within(d int32) bool {
	return v.X <= d && v.X >= -d && v.Y <= d && v.Y >= -d && v.square() <= int64(d)*int64(d)
}

// Units returns the vector in units, for drawing.
func (v Vec) Units() (x, y float64) { return float64(v.X) / One, float64(v.Y) / One }

func (v Vec) square() int64 { return int64(v.X)*int64(v.X) + int64(v.Y)*int64(v.Y) }

func (v Vec) dot(w Vec) int64 { return int64(v.X)*int64(w.X) + int64(v.Y)*int64(w.Y) }

// scaled returns v × a / b.
func (v Vec) scaled(a, b int64) Vec {
	return Vec{int32(int64(v.X) * a / b), int32(int64(v.Y) * a / b)}
}

// root returns the square root, rounded down. A float64 is exact enough to be
// at most one off, on every machine.
func root(n int64) int64 {
	r := int64(math.Sqrt(float64(n)))
	for r*r > n {
		r--
	}
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}

// An Angle is a part of a turn, in 1/65536, clockwise from the right.
type Angle uint16

// Radians returns the angle for drawing.
func (a Angle) Radians() float64 { return float64(a) * math.Pi / 32768 }

// Direction returns the vector of that angle whose length is so long.
func (a Angle) Direction(length int32) Vec {
	d := directions[a>>6]
	return d.scaled(int64(length), 1<<14)
}

// AngleOf returns the angle nearest to that of a vector given as floating-point
// numbers. It is for whoever steers, not for the rules.
func AngleOf(x, y float64) Angle {
	return Angle(int32(math.Round(math.Atan2(y, x) * 32768 / math.Pi)))
}

// directions has 1,024 directions, in 1/16384. Rounded, they do not depend on
// how a machine computes a sine.
var directions = func() (table [1024]Vec) {
	for i := range table {
		sin, cos := math.Sincos(float64(i) * math.Pi / 512)
		table[i] = Vec{int32(math.Round(cos * (1 << 14))), int32(math.Round(sin * (1 << 14)))}
	}
	return table
}()
