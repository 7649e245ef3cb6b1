package report

import "testing"

// A codec is one way to encode and decode the position message.
type codec struct {
	peer           string
	encode, decode func(*testing.B)
}

var codecs = []codec{
	{Queuednet, encodeQueuednet, decodeQueuednet},
	{HandWritten, encodeByHand, decodeByHand},
	{EncodingBinary, encodeBinary, decodeBinary},
}

// Encoding measures work (j): what it takes to encode a position message of 10
// fields into memory that is used again, and to decode one. The name in it is
// decoded as a view of the message; a copy would be an allocation of any peer.
// The peers take turns, 3 times. It takes some 25 seconds.
func Encoding() []Result {
	const repetitions = 3
	var results []Result
	for _, way := range []struct {
		name string
		of   func(codec) func(*testing.B)
	}{
		{"encode", func(c codec) func(*testing.B) { return c.encode }},
		{"decode", func(c codec) func(*testing.B) { return c.decode }},
	} {
		times, allocations := make([]Result, len(codecs)), make([]Result, len(codecs))
		for i, c := range codecs {
			times[i] = Result{Work: "j", Case: way.name, Peer: c.peer, Metric: Time, Unit: "ns", Better: Less}
			allocations[i] = Result{Work: "j", Case: way.name, Peer: c.peer, Metric: Allocations, Unit: "allocs", Better: Less}
		}
		for range repetitions {
			for i, c := range codecs {
				measured := testing.Benchmark(way.of(c))
				if measured.N == 0 { // it failed
					times[i].Fault, allocations[i].Fault = "the message came out different", "the message came out different"
					continue
				}
				times[i].Values = append(times[i].Values, float64(measured.T.Nanoseconds())/float64(measured.N))
				allocations[i].Values = append(allocations[i].Values, float64(measured.AllocsPerOp()))
			}
		}
		results = append(append(results, times...), allocations...)
	}
	return results
}
