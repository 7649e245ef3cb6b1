package player

import (
	"cmp"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
)

const maxLines = 50

// A Line is one of the chat. That of nobody tells what has happened.
type Line struct {
	From string
	Text string
	At   time.Time
}

// A Row is one of the score table.
type Row struct {
	game.Score
	Name string
}

// A Lobby is who is there and what was said.
type Lobby struct {
	names map[game.ID]string
	rows  []Row
	lines []Line
	blips []game.Blip
	now   time.Time

	scores game.Scores
	radar  game.Radar
}

// Name returns the name of a pilot.
func (l *Lobby) Name(id game.ID) string {
	if name, ok := l.names[id]; ok {
		return name
	}
	return "?"
}

// Rows returns the score table, the best first. It is valid until the next Update.
func (l *Lobby) Rows() []Row { return l.rows }

// Lines returns the last lines of the chat, the newest last, until the next Update.
func (l *Lobby) Lines() []Line { return l.lines }

// Blips returns the ships on the radar, until the next Update.
func (l *Lobby) Blips() []game.Blip { return l.blips }

func (l *Lobby) clear() {
	l.names = make(map[game.ID]string)
	l.rows, l.blips = nil, nil
}

func (l *Lobby) handle(dg *queuednet.Datagram) error {
	switch game.KindOf(dg) {
	case game.KindNamed:
		var m game.Named
		if err := game.Decode(dg, &m); err != nil {
			return err
		}
		l.names[m.ID] = m.Name
	case game.KindLeft:
		var m game.Left
		if err := game.Decode(dg, &m); err != nil {
			return err
		}
		delete(l.names, m.ID)
	case game.KindChat:
		var m game.Chat
		if err := game.Decode(dg, &m); err != nil {
			return err
		}
		l.said(m)
	case game.KindRadar:
		if err := game.Decode(dg, &l.radar); err != nil {
			return err
		}
		l.blips = l.radar.Blips
	case game.KindScores:
		if err := game.Decode(dg, &l.scores); err != nil {
			return err
		}
		l.table()
	default:
		return game.ErrMessage
	}
	return nil
}

func (l *Lobby) said(m game.Chat) {
	from := ""
	if m.From != 0 {
		from = l.Name(m.From)
	}
	l.add(from, m.Text)
}

// destroyed adds a line for the end of a ship.
func (l *Lobby) destroyed(e game.Event) {
	if e.By == 0 {
		l.add("", l.Name(e.Who)+" hit a rock")
	} else {
		l.add("", l.Name(e.By)+" destroyed "+l.Name(e.Who))
	}
}

func (l *Lobby) add(from, text string) {
	if len(l.lines) == maxLines {
		l.lines = slices.Delete(l.lines, 0, 1)
	}
	l.lines = append(l.lines, Line{from, text, l.now})
}

func (l *Lobby) table() {
	l.rows = l.rows[:0]
	for _, s := range l.scores.List {
		l.rows = append(l.rows, Row{s, l.Name(s.ID)})
	}
	slices.SortFunc(l.rows, func(a, b Row) int {
		return cmp.Or(-cmp.Compare(a.Kills, b.Kills), cmp.Compare(a.Deaths, b.Deaths), cmp.Compare(a.ID, b.ID))
	})
}
