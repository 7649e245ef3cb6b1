package distributed

import (
	"fmt"

	"github.com/queuednet/queuednet/distributed/dc"
)

// update passes a field on to those whom its keywords name. An update of another
// process's object goes to that process, as it came in the payload.
func (s *state) update(c *Client, m message, payload []byte) {
	o := s.objects[m.doID]
	if o == nil {
		if process, ok := s.processOf(m.doID); ok && !c.foreign {
			err := s.forward(process, processMessage{kind: forwardClient, client: c.base, payload: payload})
			if err != nil {
				s.drop(c, DropUnsent, m.doID, err)
			}
			return
		}
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
	args, ok := s.argsAllowed(c, o, field, m)
	if !ok {
		return
	}
	kept := s.config.CacheFields && m.kind == clientObjectUpdateField && !field.IsP2P() // a p2p one is the owner's to decide on
	if kept && !s.cacheAllowed(c, o.owner, &o.cache, m.doID, o.cache.setField(field, args, true)) {
		return
	}
	s.payload = appendObjectUpdateField(s.payload[:0], c.base, m.doID, m.field, m.rest)
	if s.route(c, o, field, m) && kept {
		o.owner.cached += o.cache.setField(field, args, false)
	}
}

// argsAllowed checks the arguments of an update, and asks the program. It returns them
// without the bytes behind them, which are passed on but kept nowhere.
func (s *state) argsAllowed(c *Client, o *object, field *dc.Field, m message) (args []byte, ok bool) {
	args = m.rest
	if !s.config.RelayUnchecked {
		n, err := field.Validate(m.rest)
		if err != nil {
			s.drop(c, DropBadFields, m.doID, fmt.Errorf("object %d: %w", m.doID, err))
			return nil, false
		}
		args = m.rest[:n]
	}
	const header = 12 // of an OBJECT_UPDATE_FIELD, before the arguments
	if header+len(m.rest) > s.maxPayload {
		s.drop(c, DropTooLong, m.doID, fmt.Errorf("%v of object %d with %d bytes", field.Name(), m.doID, len(m.rest)))
		return nil, false
	}
	if s.config.AllowUpdate == nil {
		return args, true
	}
	err := s.config.AllowUpdate(c, FieldUpdate{
		DoID: m.doID, Zone: o.zone.id, Owner: o.owner, Target: m.target, Field: field, Args: m.rest,
	})
	if err != nil {
		s.drop(c, DropNotAllowed, m.doID, err)
	}
	return args, err == nil
}

// route sends the update that was built, and reports whether it is for anybody. The first
// keyword of p2p, broadcast and reflect decides.
func (s *state) route(c *Client, o *object, field *dc.Field, m message) bool {
	switch {
	case m.kind == clientObjectUpdateFieldTargeted:
		if !s.sendTarget(c, m) {
			return false
		}
	case field.IsP2P():
		s.send(o.owner)
	case field.IsBroadcast():
		s.sendUpdate(o, c)
	case field.IsReflect():
		s.sendUpdate(o, nil)
	default:
		s.drop(c, DropNoKeyword, m.doID, fmt.Errorf("%v of object %d", field.Name(), m.doID))
		return false
	}
	s.stats.Relayed++
	return true
}

// sendTarget sends the update that was built to one client, of whatever process, and reports
// whether it could.
func (s *state) sendTarget(c *Client, m message) bool {
	if target := s.clients[m.target]; target != nil {
		s.send(target)
		return true
	}
	process, ok := s.processOf(m.target)
	if !ok {
		s.drop(c, DropUnknownTarget, m.doID, fmt.Errorf("there is no client %d", m.target))
		return false
	}
	err := s.forward(process, processMessage{kind: forwardTarget, client: m.target, payload: s.payload})
	if err != nil {
		s.drop(c, DropUnsent, m.doID, err)
	}
	return err == nil
}
