//go:build !unix && !windows

package queuednet

import (
	"errors"
	"net"
)

// Systems without socket options, such as a browser.
var optionRecvBuffer, optionSendBuffer, optionReuseAddr, optionMaxSegment,
	optionTTL, optionTTL6, optionTOS, optionTOS6,
	optionMulticastLoop, optionMulticastLoop6 socketOption

func setSocketOption(uintptr, socketOption, int) error { return errors.ErrUnsupported }

// setBacklog leaves the system's own bound in force.
func setBacklog(net.Listener, int) {}

func receiveBufferSize(uintptr) int { return 0 }
