module github.com/queuednet/queuednet/examples/gateway

go 1.26.0

replace github.com/queuednet/queuednet => ../../

require github.com/queuednet/queuednet v0.0.0-00010101000000-000000000000

require github.com/pires/go-proxyproto v0.15.0
