//go:build !unix && !windows

package queuednet

var optionMulticastLoop, optionMulticastLoop6 socketOption
