// Package queuednetprom gives what a manager of queuednet counts to Prometheus:
//
//	prometheus.MustRegister(queuednetprom.NewCollector(manager))
//
// A program with several managers registers each with a label:
//
//	prometheus.WrapRegistererWith(prometheus.Labels{"manager": "players"}, prometheus.DefaultRegisterer).
//		MustRegister(queuednetprom.NewCollector(players))
//
// The metrics are those of [queuednet.ManagerStats], and none of single connections,
// which would be a series for each player. dashboard.json is a dashboard for Grafana.
package queuednetprom

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/queuednet/queuednet"
)

// NewCollector returns a collector of the manager's Stats. It may be used from any
// goroutine, and after the manager's Close. To collect costs some atomic loads and a
// lock, whatever the number of connections.
func NewCollector(manager *queuednet.QueuedConnectionManager) prometheus.Collector {
	return collector{manager}
}

type collector struct {
	manager *queuednet.QueuedConnectionManager
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("queuednet_"+name, help, labels, nil)
}

var (
	connections       = describe("connections", "Connections: open ones, those whose sockets are not closed yet, attempts to connect, and accepted ones that no one has taken.", "state")
	rendezvous        = describe("rendezvous", "Sockets that listen.")
	opened            = describe("opened_total", "Connections that were made.")
	receivedBytes     = describe("received_bytes_total", "Bytes that arrived, with headers.")
	receivedDatagrams = describe("received_datagrams_total", "Datagrams that were queued for the program.")
	sentBytes         = describe("sent_bytes_total", "Bytes that were handed to the system, with headers.")
	sentDatagrams     = describe("sent_datagrams_total", "Datagrams that were handed to the system.")
	ends              = describe("ends_total", "Connections that ended, by reason.", "reason")
	refusals          = describe("refusals_total", "What a limit refused, ended or slowed.", "limit")
	lost              = describe("lost_datagrams_total", "Datagrams that a bound dropped, UDP packets that were broken, and those that did not leave.", "reason")
	drains            = describe("drain_seconds", "How long the loop took to drain its readers.")
	drained           = describe("drained_datagrams_total", "Datagrams that the loop took.")
)

// Describe is a prometheus.Collector's.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{connections, rendezvous, opened, receivedBytes, receivedDatagrams, sentBytes,
		sentDatagrams, ends, refusals, lost, drains, drained} {
		to <- desc
	}
}

// Collect is a prometheus.Collector's.
func (c collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(desc *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
	}
	stats := c.manager.Stats()
	gauge(connections, stats.Open, "open")
	gauge(connections, stats.Closing, "closing")
	gauge(connections, stats.Connecting, "connecting")
	gauge(connections, stats.Untaken, "untaken")
	gauge(rendezvous, stats.Rendezvous)
	counter(opened, stats.Opened)
	counter(receivedBytes, stats.Received.Bytes)
	counter(receivedDatagrams, stats.Received.Datagrams)
	counter(sentBytes, stats.Sent.Bytes)
	counter(sentDatagrams, stats.Sent.Datagrams)
	counter(lost, stats.Dropped, "dropped")
	counter(lost, stats.Broken, "broken")
	counter(lost, stats.Unsent, "unsent")
	for reason, n := range byReason(stats.Ends) {
		counter(ends, n, reason)
	}
	for limit, n := range byLimit(stats.Refusals) {
		counter(refusals, n, limit)
	}
	to <- histogram(stats.Drains)
	counter(drained, stats.Drains.Datagrams)
}

func byReason(e queuednet.Ends) map[string]uint64 {
	return map[string]uint64{
		"closed": e.Closed, "by_peer": e.ByPeer, "cut": e.Cut, "reset": e.Reset, "no_answer": e.NoAnswer,
		"write_timeout": e.WriteTimeout, "send_queue_full": e.SendQueueFull, "protocol": e.Protocol,
		"first_datagram": e.FirstDatagram, "idle": e.Idle, "flooding": e.Flooding, "other": e.Other,
	}
}

func byLimit(r queuednet.Refusals) map[string]uint64 {
	return map[string]uint64{
		"connections": r.Connections, "per_address": r.PerAddress, "accept_rate": r.AcceptRate, "accept_errors": r.AcceptErrors,
		"first_datagram": r.FirstDatagram, "idle": r.Idle, "flooding": r.Flooding, "slowed": r.Slowed,
	}
}

// histogram makes one of the counts of drains. The total is their sum, not Count, which
// is loaded at another moment.
func histogram(d queuednet.DrainStats) prometheus.Metric {
	bounds := queuednet.DrainBounds()
	buckets := make(map[float64]uint64, len(bounds))
	var total uint64
	for i, n := range d.Times {
		total += n
		if i < len(bounds) {
			buckets[bounds[i].Seconds()] = total
		}
	}
	return prometheus.MustNewConstHistogram(drains, total, d.Time.Seconds(), buckets)
}
