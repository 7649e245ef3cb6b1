package main

import (
	"cmp"
	"context"
	"html/template"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/inspect"
)

// maxRows bounds each table of the page.
const maxRows = 1000

// A snapshot is what the page shows.
type snapshot struct {
	Up      time.Duration
	Stats   distributed.Stats
	Dropped []count
	Clients []clientRow
	Objects []objectRow
	Zones   []zoneRow
	MaxRows int
}

type count struct {
	Reason string
	N      uint64
}

type clientRow struct {
	Base    uint32
	Address string
	Objects int
	Zones   []uint32
}

type objectRow struct {
	DoID  uint32
	Class string
	Zone  uint32
	Owner uint32
}

type zoneRow struct {
	Zone             uint32
	Clients, Objects int
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>pandaserver</title>
<style>body{font-family:sans-serif}table{border-collapse:collapse}td,th{padding:2px 12px;text-align:right;border-bottom:1px solid #ddd}</style>
<h1>pandaserver</h1>
<p>up {{.Up}}: {{.Stats.Clients}} clients, {{.Stats.Objects}} objects, {{.Stats.Zones}} zones;
{{.Stats.Joined}} joined, {{.Stats.Refused}} refused; {{.Stats.Received}} messages received, {{.Stats.Relayed}} passed on, {{.Stats.Sent}} sent
{{range .Dropped}}<br>dropped, {{.Reason}}: {{.N}}{{end}}
<h2>Clients</h2><table><tr><th>base<th>address<th>objects<th>zones
{{range .Clients}}<tr><td>{{.Base}}<td>{{.Address}}<td>{{.Objects}}<td>{{.Zones}}{{end}}</table>
<h2>Zones</h2><table><tr><th>zone<th>clients<th>objects
{{range .Zones}}<tr><td>{{.Zone}}<td>{{.Clients}}<td>{{.Objects}}{{end}}</table>
<h2>Objects</h2><table><tr><th>id<th>class<th>zone<th>owner
{{range .Objects}}<tr><td>{{.DoID}}<td>{{.Class}}<td>{{.Zone}}<td>{{.Owner}}{{end}}</table>
<p>Each table has at most {{.MaxRows}} lines. <a href="net/">Connections and traffic</a> have a page of their own.
`))

// serveInspect serves the page in the background until the context ends.
func (p *program) serveInspect(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.logger.Info("inspect", "url", "http://"+listener.Addr().String()+"/")
	mux := http.NewServeMux()
	mux.HandleFunc("/", p.inspect)
	mux.Handle("/net/", inspect.Handler(p.server.Manager()))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go server.Serve(listener)
	return nil
}

func (p *program) inspect(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	s := p.snapshot()
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, s) // to a browser that may have gone
}

// snapshot copies what the page shows. The caller holds the lock.
func (p *program) snapshot() snapshot {
	s := snapshot{Up: time.Since(p.began).Round(time.Second), Stats: p.server.Stats(), MaxRows: maxRows}
	for reason, n := range s.Stats.Dropped {
		if n > 0 {
			s.Dropped = append(s.Dropped, count{distributed.DropReason(reason).String(), n})
		}
	}
	zones := make(map[uint32]*zoneRow)
	zone := func(id uint32) *zoneRow {
		if zones[id] == nil {
			zones[id] = &zoneRow{Zone: id}
		}
		return zones[id]
	}
	for c := range p.server.Clients() {
		open := c.Zones()
		for _, id := range open {
			zone(id).Clients++
		}
		s.Clients = append(s.Clients, clientRow{c.DoIDBase(), c.Address().String(), len(c.Objects()), open[:min(len(open), 20)]})
	}
	for o := range p.server.Objects() {
		zone(o.Zone).Objects++
		s.Objects = append(s.Objects, objectRow{o.DoID, o.Class.Name(), o.Zone, o.Owner.DoIDBase()})
	}
	for _, z := range zones {
		s.Zones = append(s.Zones, *z)
	}
	s.Clients = top(s.Clients, func(r clientRow) uint32 { return r.Base })
	s.Objects = top(s.Objects, func(r objectRow) uint32 { return r.DoID })
	s.Zones = top(s.Zones, func(r zoneRow) uint32 { return r.Zone })
	return s
}

// top returns the first rows by a number.
func top[T any](rows []T, key func(T) uint32) []T {
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return rows[:min(len(rows), maxRows)]
}
