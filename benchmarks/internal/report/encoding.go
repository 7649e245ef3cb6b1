package report

// HandWritten is the peer of work (j) that appends and slices by hand.
const HandWritten = "hand-written"

// Encoding measures work (j).
func Encoding() []Result { return nil }
