package distributed

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/queuednet/queuednet/distributed/dc"
)

// handle carries out a message of the server.
func (r *ClientRepository) handle(payload []byte) {
	r.stats.Received++
	m, err := decodeServerMessage(payload)
	if err != nil {
		r.ignore(nil, err)
		if !errors.Is(err, errTail) {
			return
		}
	}
	r.sender = m.sender
	switch m.kind {
	case setDoIDRange:
		r.ids = newDoIDs(m.base, m.count, r.config.SpareLastID)
		r.event(ClientEvent{Kind: CreateReady})
	case objectGenerate:
		r.generate(m)
	case objectUpdateField:
		r.update(m)
	case objectDisable:
		for id := range m.ids.all() {
			r.disable(id)
		}
	case objectDelete:
		if o := r.objects[m.doID]; o != nil {
			r.remove(o)
		}
	case requestGenerates:
		r.answer(m.zone)
	}
	r.sender = 0
}

// ignore records that a message could not be used.
func (r *ClientRepository) ignore(o Object, err error) {
	r.stats.Ignored++
	r.event(ClientEvent{Kind: MessageIgnored, Object: o, Err: err})
}

// generate makes an object appear, or sets fields of one that is there.
func (r *ClientRepository) generate(m message) {
	class := r.classes.byNumber(m.class)
	if class == nil {
		r.ignore(nil, fmt.Errorf("object %d: %w %d", m.doID, ErrUnknownClass, m.class))
		return
	}
	b := r.bound[class]
	if b == nil {
		r.stats.Skipped++
		return
	}
	o := r.objects[m.doID]
	if o != nil && o.object().class != b {
		r.ignore(o, fmt.Errorf("object %d is a %v, not a %v", m.doID, o.object().class.dc, class.dc))
		return
	}
	full, err := class.receivedForm(m.rest)
	if err != nil {
		r.ignore(o, fmt.Errorf("generate of %v %d: %w", class.dc, m.doID, err))
		return
	}
	isNew := o == nil
	if isNew {
		o = b.new()
		r.introduce(o, b, m.doID, m.sender, m.zone)
	}
	announced := !isNew
	_ = class.walkWith(m.rest, !full, func(f *dc.Field, args []byte, required bool) {
		if !required && !announced {
			announced = true
			announce(o)
		}
		if !required || f.IsBroadcast() {
			r.set(o, f, args)
		}
	})
	if !announced {
		announce(o)
	}
	if isNew {
		r.event(ClientEvent{Kind: Generated, Object: o})
	}
}

// update sets a field of an object.
func (r *ClientRepository) update(m message) {
	o := r.objects[m.doID]
	if o == nil {
		r.stats.Skipped++
		return
	}
	f := o.object().class.dc.FieldByNumber(int(m.field))
	if f == nil {
		r.ignore(o, fmt.Errorf("object %d: %w %d", m.doID, ErrUnknownField, m.field))
		return
	}
	n, err := f.Validate(m.rest)
	if err != nil {
		r.ignore(o, fmt.Errorf("object %d: %w", m.doID, err))
		return
	}
	r.set(o, f, m.rest[:n])
}

// set gives an object the arguments of a field.
func (r *ClientRepository) set(o Object, f *dc.Field, args []byte) {
	d := o.object()
	if d.repository != r {
		return // a method for a field before has disconnected
	}
	if f.Name() == locationField {
		u := f.Unpacker(args)
		u.Skip()
		zone := uint32(u.Uint())
		if _, err := u.Finish(); err == nil {
			d.setLocation(zone)
		}
		return
	}
	d.values.setField(f, args, false)
	if err := r.call(o, f, args); err != nil {
		r.event(ClientEvent{Kind: MethodFailed, Object: o, Field: f, Err: err})
	}
}

// call calls the method for a field: by generated code if there is some.
func (r *ClientRepository) call(o Object, f *dc.Field, args []byte) error {
	if handle := r.config.HandleField; handle != nil {
		if handled, err := handle(o, f.Number(), args); handled {
			return err
		}
	}
	return o.object().class.call(o, f, args)
}

// disable takes an object out of sight.
func (r *ClientRepository) disable(doID uint32) {
	o := r.objects[doID]
	switch {
	case o == nil:
	case r.IsLocalID(doID):
		r.ignore(o, fmt.Errorf("disable of object %d, which is this client's", doID))
	default:
		r.remove(o)
	}
}

// remove ends the life of an object.
func (r *ClientRepository) remove(o Object) {
	d := o.object()
	if d.repository != r {
		return
	}
	delete(r.objects, d.doID)
	if r.clock != nil && r.clock == o.(any) {
		r.clock = nil
	}
	if x, ok := o.(disabler); ok {
		x.Disable()
	}
	d.setLocation(0)
	if x, ok := o.(deleter); ok {
		x.Delete()
	}
	d.repository = nil
	if r.IsLocalID(d.doID) {
		r.ids.free(d.doID)
	}
	r.event(ClientEvent{Kind: Deleted, Object: o})
}

// answer sends the client's own objects of a zone, for another client that has opened
// the zone.
func (r *ClientRepository) answer(zone uint32) {
	for _, id := range slices.Sorted(maps.Keys(r.objects)) {
		o := r.objects[id]
		if o == nil || !r.IsLocalID(id) || o.object().zone != zone || o.object().deleted {
			continue
		}
		if err := r.sendState(o); err != nil {
			r.ignore(o, fmt.Errorf("generate of %v %d: %w", o.object().class.dc, id, err))
		}
	}
}
