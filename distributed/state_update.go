package distributed

import (
	"fmt"

	"github.com/queuednet/queuednet/distributed/dc"
)

// update passes a field on to those whom its keywords name.
func (s *state) update(c *Client, m message) {
	o := s.objects[m.doID]
	if o == nil {
		s.drop(c, DropUnknownObject, m.doID, fmt.Errorf("there is no object %d", m.doID))
		return
	}
	field := o.class.dc.FieldByNumber(int(m.field))
	if field == nil {
		s.drop(c, DropUnknownField, m.doID, fmt.Errorf("%v %d has no field %d", o.class.dc, m.doID, m.field))
		return
	}
	if c != o.owner && !field.IsClsend() && !field.IsP2P() {
		s.drop(c, DropNotOwner, m.doID, fmt.Errorf("%v of object %d from client %d, which does not own it", field.Name(), m.doID, c.base))
		return
	}
	if !s.argsAllowed(c, o, field, m) {
		return
	}
	s.payload = appendObjectUpdateField(s.payload[:0], c.base, m.doID, m.field, m.rest)
	s.route(c, o, field, m)
}

// argsAllowed checks the arguments of an update, and asks the program.
func (s *state) argsAllowed(c *Client, o *object, field *dc.Field, m message) bool {
	if !s.config.RelayUnchecked {
		if _, err := field.Validate(m.rest); err != nil {
			s.drop(c, DropBadFields, m.doID, fmt.Errorf("object %d: %w", m.doID, err))
			return false
		}
	}
	const header = 12 // of an OBJECT_UPDATE_FIELD, before the arguments
	if header+len(m.rest) > s.maxPayload {
		s.drop(c, DropTooLong, m.doID, fmt.Errorf("%v of object %d with %d bytes", field.Name(), m.doID, len(m.rest)))
		return false
	}
	if s.config.AllowUpdate == nil {
		return true
	}
	err := s.config.AllowUpdate(c, FieldUpdate{
		DoID: m.doID, Zone: o.zone.id, Owner: o.owner, Target: m.target, Field: field, Args: m.rest,
	})
	if err != nil {
		s.drop(c, DropNotAllowed, m.doID, err)
	}
	return err == nil
}

// route sends the update that was built. The first keyword of p2p, broadcast and
// reflect decides.
func (s *state) route(c *Client, o *object, field *dc.Field, m message) {
	switch {
	case m.kind == clientObjectUpdateFieldTargeted:
		target := s.clients[m.target]
		if target == nil {
			s.drop(c, DropUnknownTarget, m.doID, fmt.Errorf("there is no client %d", m.target))
			return
		}
		s.send(target)
	case field.IsP2P():
		s.send(o.owner)
	case field.IsBroadcast():
		s.sendZone(o.zone, c)
	case field.IsReflect():
		s.sendZone(o.zone, nil)
	default:
		s.drop(c, DropNoKeyword, m.doID, fmt.Errorf("%v of object %d", field.Name(), m.doID))
		return
	}
	s.stats.Relayed++
	if s.config.CacheFields && m.kind == clientObjectUpdateField {
		o.cache.setField(field, m.rest)
	}
}
