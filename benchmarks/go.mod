module github.com/queuednet/queuednet/benchmarks

go 1.26.0

replace github.com/queuednet/queuednet => ../
