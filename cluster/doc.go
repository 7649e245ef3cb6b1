// Package cluster joins several processes of a game to one world.
package cluster
