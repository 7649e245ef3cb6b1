package distributed

// doIDs hands out the ids of a client's range: the lowest first, and those that were
// freed last, as Panda3D's UniqueIdAllocator does.
type doIDs struct {
	base, count uint32
	next        uint32 // of those that were never used, counted from 0
	spared      uint32 // how many at the end are not used
	freed       []uint32
	used        map[uint32]struct{}
}

func newDoIDs(base, count uint32, spareLast bool) *doIDs {
	ids := &doIDs{base: base, count: count, used: make(map[uint32]struct{})}
	if spareLast && count > 0 {
		ids.spared = 1
	}
	return ids
}

func (ids *doIDs) allocate() (uint32, bool) {
	var id uint32
	switch {
	case ids.next < ids.count-ids.spared:
		id = ids.base + ids.next
		ids.next++
	case len(ids.freed) > 0:
		id = ids.freed[0]
		ids.freed = ids.freed[1:]
	default:
		return 0, false
	}
	ids.used[id] = struct{}{}
	return id, true
}

func (ids *doIDs) free(id uint32) {
	if _, ok := ids.used[id]; ok {
		delete(ids.used, id)
		ids.freed = append(ids.freed, id)
	}
}

func (ids *doIDs) has(id uint32) bool { return id >= ids.base && id-ids.base < ids.count }
