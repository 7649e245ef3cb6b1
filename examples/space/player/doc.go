// Package player is a client of the game without a picture: the program that
// draws it and the bots of the load test are two users of it.
//
// A [Player] connects, says hello, sends an input a tick, predicts its own ship,
// shows the others a little in the past, and comes back by itself, to the same ship,
// when its connection is lost. It owns no goroutine and no loop: whoever has it calls
// [Player.Update] 60 times a second, and all its methods from that goroutine.
package player
