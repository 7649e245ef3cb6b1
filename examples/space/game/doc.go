// Package game has the rules of the space-combat game and the messages between
// its server and its clients. It does no input or output, starts no goroutine and
// asks no clock: the same inputs give the same world, on every machine.
//
// A [World] has an [Arena] with rocks, and in it pilots, each with a [Ship]. One
// call of [World.Step] is a tick, of which there are [TicksPerSecond]. A ship
// moves by integer arithmetic, so that a client which repeats [Ship.Step] with the
// same keys has the server's ship, bit for bit, whatever its processor is.
//
// # Who decides
//
// The server. A client sends which keys are down, and nothing else: an [Input] a
// tick. It does not wait for the answer: it moves its own ship at once, and when
// a [Snapshot] comes, goes back to the server's ship and repeats the inputs that the
// snapshot has not seen yet. Each input is one step of the ship, however late it
// comes, so that the result is the same.
//
// The other ships are drawn where they were about 100 ms ago, between two snapshots.
// An Input says which tick its player was looking at, and a shot hits what its
// player saw: the world goes back so far, at most [MaxRewind] ticks.
//
// # Units
//
// Lengths are in 1/[One] of a unit, a unit being about a pixel. Angles are in
// 1/65536 of a turn, clockwise from the right; the y axis points down.
package game
