package dc

// quoted reads a string, which begins here with its quotation mark.
func (l *lexer) quoted(mark byte) string {
	line, column := l.line, l.column
	var s []byte
	for l.skip(1); ; {
		if l.at >= len(l.text) || l.text[l.at] == '\n' {
			l.fail(line, column, "the string is not closed")
		}
		c := l.text[l.at]
		if c == '\\' {
			l.skip(1)
			s = l.escape(s)
			continue
		}
		l.skip(1)
		if c == mark {
			return string(s)
		}
		s = append(s, c)
	}
}

// escape reads what follows a backslash. Panda3D's rules are odd: \0 goes on with
// up to 3 octal digits, of which 7 is none; \1 to \9 stand for nothing themselves and go
// on with up to 3 decimal digits.
func (l *lexer) escape(s []byte) []byte {
	if l.at >= len(l.text) {
		return s // quoted fails
	}
	c := l.text[l.at]
	if c == '\n' {
		l.at++
		l.line++
		l.column = 1
		return append(s, c)
	}
	l.skip(1)
	switch {
	case c == 'a':
		return append(s, '\a')
	case c == 'n':
		return append(s, '\n')
	case c == 'r':
		return append(s, '\r')
	case c == 't':
		return append(s, '\t')
	case c == 'x':
		return append(s, l.code(16, 2, isHexDigit))
	case c == '0':
		return append(s, l.code(8, 3, func(c byte) bool { return '0' <= c && c <= '6' }))
	case isDigit(c):
		return append(s, l.code(10, 3, isDigit))
	}
	return append(s, c)
}

// code reads a number of at most n digits; its low 8 bits are the result.
func (l *lexer) code(base, n int, is func(byte) bool) byte {
	value := 0
	for ; n > 0 && is(l.peek(0)); n-- {
		value = value*base + hexValue(l.peek(0))
		l.skip(1)
	}
	return byte(value)
}

// hex reads a hexadecimal string, which begins here with "<". No blanks are allowed in it.
func (l *lexer) hex() string {
	line, column := l.line, l.column
	var s []byte
	l.skip(1)
	for l.peek(0) != '>' {
		switch {
		case l.at >= len(l.text):
			l.fail(line, column, "the hexadecimal string is not closed")
		case !isHexDigit(l.peek(0)):
			l.fail(l.line, l.column, "not a hexadecimal digit")
		case !isHexDigit(l.peek(1)):
			l.fail(l.line, l.column, "an odd number of hexadecimal digits, or a character that is none")
		}
		s = append(s, byte(hexValue(l.peek(0))<<4|hexValue(l.peek(1))))
		l.skip(2)
	}
	l.skip(1)
	return string(s)
}

func hexValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a':
		return int(c-'a') + 10
	}
	return int(c-'A') + 10
}
