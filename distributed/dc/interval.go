package dc

import "cmp"

// An interval of packed values, both ends included.
type interval[N cmp.Ordered] struct{ min, max N }

// addInterval adds an interval that overlaps none of the others.
func addInterval[N cmp.Ordered](s []interval[N], low, high N) []interval[N] {
	for _, i := range s {
		if low <= i.max && high >= i.min {
			return s
		}
	}
	if high < low {
		return s
	}
	return append(s, interval[N]{low, high})
}

// within says whether a value is in one of the intervals, or there are none.
func within[N cmp.Ordered](s []interval[N], v N) bool {
	for _, i := range s {
		if v >= i.min && v <= i.max {
			return true
		}
	}
	return len(s) == 0
}
