package dc

import (
	"fmt"
	"math"
	"strconv"
)

// A tokenKind is the kind of a token. A punctuation mark is its own kind.
type tokenKind int

const (
	tokEOF      tokenKind = -1 - iota
	tokName               // an identifier, also a word of the grammar
	tokUnsigned           // token.number
	tokSigned             // token.number and token.negative
	tokReal               // token.real
	tokString             // token.text
	tokHex                // token.text
)

// A token is a piece of the text.
type token struct {
	kind         tokenKind
	text         string // of a name; the bytes of a string or hex string
	number       uint64 // the magnitude of an integer
	negative     bool
	real         float64
	line, column int
}

// String names the token in messages.
func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the text"
	case tokName:
		return strconv.Quote(t.text)
	case tokUnsigned, tokSigned, tokReal:
		return "a number"
	case tokString:
		return "a string"
	case tokHex:
		return "a hexadecimal string"
	}
	return strconv.QuoteRune(rune(t.kind))
}

// float returns the value of a number.
func (t token) float() float64 {
	switch {
	case t.kind == tokReal:
		return t.real
	case t.negative:
		return -float64(t.number)
	}
	return float64(t.number)
}

// A lexer cuts a text into tokens. Its rules are those of Panda3D's lexer: the sign
// belongs to a decimal number, a real has a point, and a hexadecimal number has no sign.
type lexer struct {
	name         string
	text         string
	at           int // of the next byte
	line, column int // of the next byte, from 1
}

func newLexer(name, text string) *lexer { return &lexer{name: name, text: text, line: 1, column: 1} }

// fail ends the parsing with an error at a place of the text.
func (l *lexer) fail(line, column int, format string, args ...any) {
	panic(&Error{File: l.name, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// peek returns the byte at a distance, or 0 after the end.
func (l *lexer) peek(distance int) byte {
	if l.at+distance >= len(l.text) {
		return 0
	}
	return l.text[l.at+distance]
}

// skip takes n bytes, none of which is a newline.
func (l *lexer) skip(n int) {
	l.at += n
	l.column += n
}

// next returns the next token.
func (l *lexer) next() token {
	l.blank()
	t := token{line: l.line, column: l.column}
	if l.at >= len(l.text) {
		t.kind = tokEOF
		return t
	}
	switch c := l.text[l.at]; {
	case isLetter(c):
		t.kind, t.text = tokName, l.word()
	case c == '"' || c == '\'':
		t.kind, t.text = tokString, l.quoted(c)
	case c == '<':
		t.kind, t.text = tokHex, l.hex()
	case l.numberLength() > 0:
		l.number(&t, l.numberLength())
	default:
		t.kind = tokenKind(c)
		l.skip(1)
	}
	return t
}

// blank takes blanks and comments.
func (l *lexer) blank() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == '\n':
			l.at++
			l.line++
			l.column = 1
		case c == ' ' || c == '\t' || c == '\r':
			l.skip(1)
		case c == '/' && l.peek(1) == '/':
			for l.at < len(l.text) && l.text[l.at] != '\n' {
				l.skip(1)
			}
		case c == '/' && l.peek(1) == '*':
			l.comment()
		default:
			return
		}
	}
}

// comment takes a comment of several lines.
func (l *lexer) comment() {
	line, column := l.line, l.column
	l.skip(2)
	for l.at < len(l.text) {
		switch {
		case l.text[l.at] == '\n':
			l.at++
			l.line++
			l.column = 1
		case l.text[l.at] == '*' && l.peek(1) == '/':
			l.skip(2)
			return
		default:
			l.skip(1)
		}
	}
	l.fail(line, column, "the comment is not closed")
}

func (l *lexer) word() string {
	start := l.at
	for isLetter(l.peek(0)) || isDigit(l.peek(0)) {
		l.skip(1)
	}
	return l.text[start:l.at]
}

// numberLength returns the length of the number that begins here, or 0.
func (l *lexer) numberLength() int {
	if l.peek(0) == '0' && l.peek(1) == 'x' {
		return l.digits(2, isHexDigit)
	}
	n := 0
	if c := l.peek(0); c == '+' || c == '-' {
		n = 1
	}
	whole := l.digits(n, isDigit)
	if l.peek(whole) != '.' {
		if whole == n {
			return 0
		}
		return whole
	}
	fraction := l.digits(whole+1, isDigit)
	if whole == n && fraction == whole+1 {
		return 0 // a lonely point
	}
	if c := l.peek(fraction); c == 'e' || c == 'E' {
		exponent := fraction + 1
		if c := l.peek(exponent); c == '+' || c == '-' {
			exponent++
		}
		if end := l.digits(exponent, isDigit); end > exponent {
			return end
		}
	}
	return fraction
}

// digits returns the distance of the first byte from distance on that is no digit.
func (l *lexer) digits(distance int, is func(byte) bool) int {
	for is(l.peek(distance)) {
		distance++
	}
	return distance
}

// number reads the number of n bytes that begins here.
func (l *lexer) number(t *token, n int) {
	text := l.text[l.at : l.at+n]
	l.skip(n)
	for i := range len(text) {
		if text[i] == '.' {
			t.kind, t.real = tokReal, parseReal(text)
			return
		}
	}
	var err error
	switch {
	case len(text) == 2 && text[1] == 'x':
		t.kind = tokUnsigned // "0x" alone is 0
	case len(text) > 2 && text[1] == 'x':
		t.kind = tokUnsigned
		t.number, err = strconv.ParseUint(text[2:], 16, 64)
	case text[0] == '+' || text[0] == '-':
		t.kind, t.negative = tokSigned, text[0] == '-'
		t.number, err = strconv.ParseUint(text[1:], 10, 64)
		if t.number > math.MaxInt64 {
			err = strconv.ErrRange // -1<<63 too, as in Panda3D
		}
	default:
		t.kind = tokUnsigned
		t.number, err = strconv.ParseUint(text, 10, 64)
	}
	if err != nil {
		l.fail(t.line, t.column, "the number %s is out of range", text)
	}
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHexDigit(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
