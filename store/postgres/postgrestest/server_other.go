//go:build !linux

package postgrestest

import "net/url"

type server struct{}

func newServer([]string) (*server, error) { return nil, errSystem }

func (*server) url() *url.URL { return nil }
func (*server) start() error  { return errSystem }
func (*server) kill() error   { return errSystem }
func (*server) remove()       {}
