package dc

import (
	"math"
	"strconv"
)

// parseReal reads a real, of which the lexer has checked the form. It adds up the digits
// as Panda3D does, so that a text gives the same bytes on both sides: the last bit
// is not always the one that strconv.ParseFloat would give. The conversions keep
// processors from leaving out a rounding.
func parseReal(text string) float64 {
	i, negative := 0, text[0] == '-'
	if negative || text[0] == '+' {
		i++
	}
	value := 0.0
	for ; text[i] != '.'; i++ {
		value = float64(value*10) + float64(text[i]-'0')
	}
	digit := 0.1
	for i++; i < len(text) && isDigit(text[i]); i++ {
		value += float64(float64(text[i]-'0') * digit)
		digit *= 0.1
	}
	if i < len(text) { // an exponent
		exponent, err := strconv.Atoi(text[i+1:])
		switch power := powerOf10(exponent, err); {
		case text[i+1] == '-':
			value /= power
		default:
			value *= power
		}
	}
	if negative {
		return -value
	}
	return value
}

// powerOf10 returns 10 to the power of the magnitude of an exponent, which an error says
// to be too large for an int.
func powerOf10(exponent int, err error) float64 {
	if err != nil || exponent > 308 || exponent < -308 {
		return math.Inf(1)
	}
	power, _ := strconv.ParseFloat("1e"+strconv.Itoa(max(exponent, -exponent)), 64)
	return power
}

// realText returns the text of a real that parseReal reads as the same one: the shortest
// one if it does, or one near it, with an exponent, that is rounded in another way.
func realText(v float64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	short := strconv.FormatFloat(v, 'f', -1, 64)
	if v == math.Trunc(v) {
		short += "."
	}
	if parseReal(short) == v {
		return sign + short
	}
	exponent := math.Floor(math.Log10(v))
	for i := range 80 {
		shift := (i + 1) / 2 * (1 - i%2*2) // 0, -1, 1, -2 …
		e := max(-308, min(308, int(exponent)+shift))
		x := v / math.Pow10(e/2) / math.Pow10(e-e/2) // in two steps, as 1e-308 has no reciprocal
		for range 8 {
			x = math.Nextafter(x, 0)
		}
		for range 16 {
			text := strconv.FormatFloat(x, 'f', -1, 64)
			if x == math.Trunc(x) {
				text += "."
			}
			if text += "e" + strconv.Itoa(e); parseReal(text) == v {
				return sign + text
			}
			x = math.Nextafter(x, math.Inf(1))
		}
	}
	return sign + short
}
