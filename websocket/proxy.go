//go:build !js

package websocket

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The headers in which proxies say for whom they connect.
const (
	forwardedFor = "X-Forwarded-For"
	forwarded    = "Forwarded"
)

// clientAddr returns the address of the client of a request: that of the socket,
// or, as long as it is that of a trusted proxy, the one that the proxy names.
// Proxies append, so that the header is read from its end; the first address
// that is not trusted is the client's, and nothing before it is believed.
func clientAddr(r *http.Request, trusted []netip.Prefix, header string) net.Addr {
	last, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return addr(r.RemoteAddr)
	}
	last = unmapped(last)
	hops := splitUnquoted(strings.Join(r.Header.Values(header), ","), ',')
	for _, hop := range slices.Backward(hops) {
		if !isTrusted(last.Addr(), trusted) {
			break
		}
		if header == forwarded {
			hop = forParameter(hop)
		}
		named, ok := parseHop(hop)
		if !ok {
			break // unknown, hidden, or nonsense: the proxy is all that is known
		}
		last = named
	}
	return net.TCPAddrFromAddrPort(last)
}

func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// parseHop reads an address with or without a port, such as 192.0.2.1,
// 192.0.2.1:4711, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:4711.
func parseHop(text string) (netip.AddrPort, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return unmapped(at), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return netip.AddrPort{}, false
		}
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return unmapped(netip.AddrPortFrom(ip, 0)), true
}

// unmapped makes an IPv4 address of one that is mapped into IPv6, and drops the
// zone, which trusted prefixes do not have.
func unmapped(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// forParameter returns the value of "for" in one element of a Forwarded header,
// without quotes, "" if there is none.
func forParameter(element string) string {
	for _, pair := range splitUnquoted(element, ';') {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		return value
	}
	return ""
}

// splitUnquoted splits at a separator that is not inside a quoted string.
func splitUnquoted(text string, separator byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == separator && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
