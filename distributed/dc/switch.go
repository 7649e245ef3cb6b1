package dc

// find returns the case that a packed key selects, or nil.
func (s *SwitchType) find(key []byte) *Case {
	if c := s.byValue[string(key)]; c != nil {
		return c
	}
	return s.other
}

// all returns the cases and, as the last one, the default.
func (s *SwitchType) all() []*Case {
	if s.other == nil {
		return s.cases
	}
	return append(s.cases[:len(s.cases):len(s.cases)], s.other)
}
