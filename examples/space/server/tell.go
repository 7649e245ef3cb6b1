package main

import "github.com/queuednet/queuednet/examples/space/game"

// How often clients are told, in ticks.
const (
	snapshotEvery = 2  // 30 times a second
	radarEvery    = 15 // four times
	scoresEvery   = 60 // once
)

// tell sends what clients are told in this tick: to each a snapshot of its own,
// and to all the same radar and scores.
func (s *server) tell() {
	if s.world.Tick%snapshotEvery == 0 {
		s.tellNodes()
		for conn, p := range s.members {
			s.world.Snapshot(p.pilot, &s.snapshot)
			s.send(conn, &s.snapshot)
		}
		s.world.ClearEvents()
	}
	if s.world.Tick%radarEvery == 1 {
		s.broadcast(&game.Radar{Blips: s.world.Blips(nil)})
	}
	if s.world.Tick%scoresEvery == 3 {
		s.broadcast(s.scores())
	}
}

func (s *server) scores() *game.Scores {
	var scores game.Scores
	for _, p := range s.byToken {
		scores.List = append(scores.List, game.Score{
			ID: p.pilot.ID, Kills: p.pilot.Kills, Deaths: p.pilot.Deaths, RoundTrip: p.roundTrip, Lost: p.conn == nil,
		})
	}
	for _, o := range s.far {
		scores.List = append(scores.List, game.Score{
			ID: o.ID, Kills: o.Kills, Deaths: o.Deaths, RoundTrip: o.RoundTrip, Lost: o.Lost,
		})
	}
	return &scores
}

// notice tells all members, of all servers, what has happened.
func (s *server) notice(text string) { s.toAll(&game.Chat{Text: text}) }

// whisper tells it to one.
func (s *server) whisper(p *member, text string) {
	if p.conn != nil {
		s.send(p.conn, &game.Chat{Text: text})
	}
}
