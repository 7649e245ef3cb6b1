package main

import (
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

const (
	frameRate = 30
	maxLines  = 1000 // that one can scroll back
)

// A frame is when the screen looks at the network.
type frameMsg time.Time

// A screen is the interface in a terminal. Bubble Tea calls Update and View on one
// goroutine, which is the loop that drains the client.
type screen struct {
	client   *client
	input    textinput.Model
	lines    []line
	rendered []string // the rows of lines at this width; nil if they must be made anew
	back     int      // how many rows it is scrolled back
	width    int
	height   int
	dark     bool
	palette  palette
}

func newScreen(c *client) *screen {
	input := textinput.New()
	input.Prompt = ""
	input.Placeholder = "say something, or /help"
	input.CharLimit = maxText
	input.SetVirtualCursor(false)
	input.Focus()
	s := &screen{client: c, input: input, width: 80, height: 24, dark: true}
	s.style()
	return s
}

// Init begins the frames and asks for the terminal's background.
func (s *screen) Init() tea.Cmd { return tea.Batch(nextFrame(), tea.RequestBackgroundColor) }

func nextFrame() tea.Cmd {
	return tea.Tick(time.Second/frameRate, func(t time.Time) tea.Msg { return frameMsg(t) })
}

// Update never waits: a frame takes what has come.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case frameMsg:
		s.add(s.client.frame(time.Time(msg)))
		if s.client.over {
			return s, tea.Quit
		}
		return s, nextFrame()
	case tea.WindowSizeMsg:
		s.width, s.height, s.rendered = msg.Width, msg.Height, nil
		s.back = min(s.back, s.furthestBack())
	case tea.BackgroundColorMsg:
		s.dark = msg.IsDark()
		s.style()
	case tea.KeyPressMsg:
		return s.key(msg)
	case tea.PasteMsg:
		var cmd tea.Cmd
		s.input, cmd = s.input.Update(msg)
		return s, cmd
	}
	return s, nil
}

func (s *screen) key(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	switch msg.String() {
	case "ctrl+c", "ctrl+d":
		s.client.quit()
		return s, tea.Quit
	case "enter":
		if s.client.enter(s.input.Value(), time.Now()) {
			s.input.Reset()
			s.back = 0
		}
	case "up":
		s.scroll(1)
	case "down":
		s.scroll(-1)
	case "pgup":
		s.scroll(s.logHeight())
	case "pgdown":
		s.scroll(-s.logHeight())
	case "esc":
		s.back = 0
	default:
		var cmd tea.Cmd
		s.input, cmd = s.input.Update(msg)
		return s, cmd
	}
	return s, nil
}

// add shows new lines. Who has scrolled back stays where he is.
func (s *screen) add(lines []line) {
	if len(lines) == 0 {
		return
	}
	before := len(s.rows())
	s.lines = append(s.lines, lines...)
	s.lines = s.lines[max(0, len(s.lines)-maxLines):]
	s.rendered = nil
	if s.back > 0 {
		s.back = min(s.back+len(s.rows())-before, s.furthestBack())
	}
}

func (s *screen) scroll(rows int) { s.back = max(0, min(s.back+rows, s.furthestBack())) }

func (s *screen) furthestBack() int { return max(0, len(s.rows())-s.logHeight()) }
