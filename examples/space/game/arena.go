package game

import "math/rand/v2"

// Size is the side of the square in which everything is, in 1/One of a unit.
const Size = 4096 * One

const rocks = 44

// A Rock is a circle that stops ships and shots.
type Rock struct {
	Pos    Vec
	Radius int32
	Shape  uint32 // any number, to draw each in its own way
}

// An Arena is what does not change: its walls are the square from 0 to Size. Two
// of the same seed are the same.
type Arena struct {
	Seed  uint64
	Rocks []Rock
}

// NewArena returns the arena of a seed.
func NewArena(seed uint64) *Arena {
	a := &Arena{Seed: seed}
	random := rand.New(rand.NewPCG(seed, 1))
	for tries := 0; len(a.Rocks) < rocks && tries < 100*rocks; tries++ {
		radius := (28 + random.Int32N(90)) * One
		rock := Rock{randomPlace(random, radius+120*One), radius, random.Uint32()}
		if a.free(rock.Pos, radius+90*One) {
			a.Rocks = append(a.Rocks, rock)
		}
	}
	return a
}

// randomPlace returns a place that far from the walls.
func randomPlace(random *rand.Rand, margin int32) Vec {
	return Vec{margin + random.Int32N(Size-2*margin), margin + random.Int32N(Size-2*margin)}
}

// free reports whether no rock is nearer than that.
func (a *Arena) free(place Vec, distance int32) bool {
	for i := range a.Rocks {
		if place.Sub(a.Rocks[i].Pos).Within(a.Rocks[i].Radius + distance) {
			return false
		}
	}
	return true
}

// stops reports whether a rock or a wall is at a place.
func (a *Arena) stops(place Vec) bool {
	if place.X < 0 || place.Y < 0 || place.X > Size || place.Y > Size {
		return true
	}
	return !a.free(place, 0)
}

// bounce keeps a circle out of the rocks and within the walls. It returns how
// fast it hit them.
func (a *Arena) bounce(pos, vel *Vec, radius int32) (impact int32) {
	impact += bounceWall(&pos.X, &vel.X, radius)
	impact += bounceWall(&pos.Y, &vel.Y, radius)
	for i := range a.Rocks {
		rock := &a.Rocks[i]
		if away := pos.Sub(rock.Pos); away.Within(rock.Radius + radius) {
			impact += bounceRock(pos, vel, away, rock.Radius+radius, rock.Pos)
		}
	}
	return impact
}

func bounceWall(pos, vel *int32, radius int32) (impact int32) {
	inside := min(max(*pos, radius), Size-radius)
	if *pos == inside {
		return 0
	}
	outwards := (*pos < inside) == (*vel < 0)
	*pos = inside
	if outwards {
		impact = max(*vel, -*vel)
		*vel = -*vel * 3 / 5
	}
	return impact
}

// bounceRock moves a circle to the edge of a rock and turns the part of its
// velocity that points to the middle.
func bounceRock(pos, vel *Vec, away Vec, distance int32, middle Vec) (impact int32) {
	length := int64(away.Length())
	if length == 0 {
		away, length = Vec{One, 0}, One
	}
	*pos = middle.Add(away.scaled(int64(distance), length))
	inwards := -vel.dot(away) / length
	if inwards <= 0 {
		return 0
	}
	*vel = vel.Add(away.scaled(inwards*8/5, length))
	return int32(inwards)
}
