package main

import (
	"fmt"
	"hash/fnv"
	"image/color"
	"net"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
)

const (
	panelWidth = 20 // of who is there, with its border
	nameWidth  = 12 // of the column of names
	around     = 5  // rows that are not the log: a bar, three of the input, the help
)

// palette is a look, for a dark or a light terminal.
type palette struct {
	text, dim, accent, onAccent color.Color
	good, warn, bad, info       color.Color
	names                       []color.Color
}

func newPalette(dark bool) palette {
	pick := func(light, darkColor string) color.Color {
		return lipgloss.LightDark(dark)(lipgloss.Color(light), lipgloss.Color(darkColor))
	}
	return palette{
		text: pick("#24292f", "#e6e6ef"), dim: pick("#8c959f", "#6f6f8a"),
		accent: pick("#5a4fcf", "#5a4fcf"), onAccent: pick("#ffffff", "#ffffff"),
		good: pick("#1a7f37", "#7ee787"), warn: pick("#9a6700", "#f2cc60"),
		bad: pick("#cf222e", "#ff7b72"), info: pick("#0969da", "#79c0ff"),
		names: []color.Color{
			pick("#0550ae", "#79c0ff"), pick("#8250df", "#d2a8ff"), pick("#116329", "#7ee787"),
			pick("#953800", "#ffa657"), pick("#a40e26", "#ff9bce"), pick("#1b7c83", "#76e3ea"),
		},
	}
}

// name is the colour of a person, the same for everybody.
func (p palette) name(name string) color.Color {
	h := fnv.New32a()
	h.Write([]byte(fold(name)))
	return p.names[int(h.Sum32()%uint32(len(p.names)))]
}

func colored(c color.Color) lipgloss.Style { return lipgloss.NewStyle().Foreground(c) }

// style adapts the look to the background.
func (s *screen) style() {
	s.palette = newPalette(s.dark)
	styles := s.input.Styles()
	styles.Focused.Text = colored(s.palette.text)
	styles.Focused.Placeholder = colored(s.palette.dim)
	s.input.SetStyles(styles)
	s.rendered = nil
}

// View draws all of it.
func (s *screen) View() tea.View {
	log := s.log()
	if s.hasPanel() {
		log = lipgloss.JoinHorizontal(lipgloss.Top, log, s.panel())
	}
	help := "  pgup/pgdn scroll · /join room · /nick name · /who · /rooms · /quit"
	input, prompt := s.inputBox()
	view := tea.NewView(lipgloss.JoinVertical(lipgloss.Left,
		s.bar(), log, input, colored(s.palette.dim).MaxWidth(s.width).Render(help)))
	view.AltScreen = true
	view.WindowTitle = "#" + s.client.room
	if cursor := s.input.Cursor(); cursor != nil && s.height > around {
		cursor.X += prompt
		cursor.Y += s.height - around + 2
		view.Cursor = cursor
	}
	return view
}

// bar is the first row: the room, and the connection.
func (s *screen) bar() string {
	c := s.client
	base := lipgloss.NewStyle().Background(s.palette.accent).Foreground(s.palette.onAccent)
	left := base.Bold(true).Render(" #"+c.room) + base.Render(fmt.Sprintf("  %d here ", len(c.members)))
	address := net.JoinHostPort(c.host, strconv.Itoa(c.port))
	light, state := lipgloss.Color("#7ee787"), address
	if !c.online {
		light, state = lipgloss.Color("#f2cc60"), "connecting to "+address+" …"
	}
	right := base.Foreground(light).Render("● ") + base.Render(state+" ")
	gap := s.width - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 0 {
		return lipgloss.NewStyle().MaxWidth(s.width).Render(left)
	}
	return left + base.Render(strings.Repeat(" ", gap)) + right
}

// log is what was said, the newest at the bottom.
func (s *screen) log() string {
	rows := s.rows()
	end := len(rows) - s.back
	shown := slices.Clone(rows[max(0, end-s.logHeight()):end])
	for len(shown) < s.logHeight() {
		shown = slices.Insert(shown, 0, "")
	}
	if s.back > 0 && len(shown) > 0 {
		shown[len(shown)-1] = colored(s.palette.warn).Render(fmt.Sprintf("  ↓ %d more: esc", s.back))
	}
	return lipgloss.NewStyle().Width(s.logWidth()).MaxWidth(s.logWidth()).Render(strings.Join(shown, "\n"))
}

// panel is who is there, the operator with a star.
func (s *screen) panel() string {
	rows := []string{colored(s.palette.dim).Render("here")}
	for i, name := range s.client.members {
		if len(rows) == s.logHeight()-1 && i < len(s.client.members)-1 {
			rows = append(rows, colored(s.palette.dim).Render(fmt.Sprintf("and %d more", len(s.client.members)-i)))
			break
		}
		style, star := colored(s.palette.name(name)), "  "
		if name == s.client.operator {
			star = colored(s.palette.warn).Render("★ ")
		}
		if name == s.client.name {
			style = style.Bold(true)
		}
		rows = append(rows, star+style.Render(name))
	}
	return lipgloss.NewStyle().Width(panelWidth).Height(s.logHeight()).MaxHeight(s.logHeight()).PaddingLeft(1).
		Border(lipgloss.NormalBorder(), false, false, false, true).BorderForeground(s.palette.dim).
		Render(strings.Join(rows, "\n"))
}

// inputBox is where one types. It returns the column at which the text begins, too.
func (s *screen) inputBox() (box string, column int) {
	name := colored(s.palette.name(s.client.name)).Bold(true).Render(s.client.name)
	prompt := name + colored(s.palette.dim).Render(" › ")
	border := s.palette.accent
	if !s.client.online {
		border = s.palette.dim
	}
	column = lipgloss.Width(prompt) + 2 // the border, and a space
	s.input.SetWidth(max(1, s.width-column-3))
	return lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(border).
		Width(s.width).MaxHeight(3).Padding(0, 1).Render(prompt + s.input.View()), column
}

func (s *screen) hasPanel() bool { return s.width >= 60 }

func (s *screen) logHeight() int { return max(1, s.height-around) }

func (s *screen) logWidth() int {
	if s.hasPanel() {
		return s.width - panelWidth
	}
	return max(1, s.width)
}

// rows returns all lines as rows of the log.
func (s *screen) rows() []string {
	if s.rendered == nil {
		s.rendered = []string{}
		for _, l := range s.lines {
			s.rendered = append(s.rendered, s.render(l)...)
		}
	}
	return s.rendered
}

// render makes rows of a line: the time, the name, and the text, which is wrapped
// in a column of its own.
func (s *screen) render(l line) []string {
	p := s.palette
	name, nameColor, text := "·", p.dim, p.dim
	switch l.kind {
	case saidLine:
		name, nameColor, text = l.name, p.name(l.name), p.text
	case answerLine:
		name, nameColor, text = "=", p.info, p.info
	case failureLine:
		name, nameColor, text = "!", p.bad, p.bad
	case statusLine:
		name, nameColor, text = "–", p.warn, p.warn
	}
	prefix := " " + colored(p.dim).Render(l.at.Format("15:04")) + " " +
		colored(nameColor).Bold(true).Width(nameWidth).MaxWidth(nameWidth).MaxHeight(1).Align(lipgloss.Right).Render(name)
	bar := colored(p.dim).Render(" │ ")
	width := s.logWidth() - lipgloss.Width(prefix) - 3 - 1 // a space before the panel
	if width < 10 {                                        // no room for columns
		return strings.Split(lipgloss.Wrap(name+" "+l.text, max(1, s.logWidth()), ""), "\n")
	}
	var rows []string
	for i, row := range strings.Split(lipgloss.Wrap(l.text, width, ""), "\n") {
		if i > 0 {
			prefix = strings.Repeat(" ", 7+nameWidth)
		}
		rows = append(rows, prefix+bar+colored(text).Render(row))
	}
	return rows
}
