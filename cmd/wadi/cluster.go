package main

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
)

// cluster is the flags of every command that speaks to a cluster.
type cluster struct {
	address string
	token   string
	json    bool

	transport http.RoundTripper
}

const defaultAddress = "127.0.0.1:8081"

func (f *cluster) flags(c *cobra.Command) {
	c.Flags().StringVarP(&f.address, "jobmanager", "m", defaultAddress, "the `host:port` of the cluster's REST API (rest.address, rest.port)")
	if c.Flags().Lookup("define") == nil {
		defineFlag(c, new([]string))
	}
	c.PreRunE = func(c *cobra.Command, _ []string) error { return f.configure(c) }
	f.rest(c)
}

// configure takes the address and the token from the configuration where no flag
// gives them.
func (f *cluster) configure(c *cobra.Command) error {
	set, err := configuration(c)
	if err != nil {
		return err
	}
	if host, port := set.Get("rest.address"), set.Get("rest.port"); !c.Flags().Changed("jobmanager") && port != "0" {
		f.address = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port)
	}
	if f.token == "" {
		f.token = set.Get("wadi.rest.token")
	}
	transport, scheme, err := client.Transport(set.Get)
	if !strings.Contains(f.address, "://") {
		f.address = scheme + "://" + f.address
	}
	f.transport = transport
	return err
}

// rest is the flags but for the address.
func (f *cluster) rest(c *cobra.Command) {
	c.Flags().StringVar(&f.token, "token", os.Getenv("WADI_REST_TOKEN"), "the bearer `token` of the cluster (WADI_REST_TOKEN, wadi.rest.token)")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().Lookup("token").DefValue = ""
}

func (f *cluster) client() *client.Client {
	return &client.Client{Address: f.address, Token: f.token, Transport: f.transport, Clock: engine.WallClock{}}
}

// say prints a line for people; programs that asked for JSON do not see it.
func (f *cluster) say(c *cobra.Command, format string, args ...any) {
	if !f.json {
		fmt.Fprintf(c.OutOrStdout(), format+"\n", args...)
	}
}

// object prints v when JSON is wanted.
func (f *cluster) object(c *cobra.Command, v any) error {
	if !f.json {
		return nil
	}
	return printJSON(c.OutOrStdout(), v)
}

// trigger starts an operation and prints its id.
func (f *cluster) trigger(c *cobra.Command, id, what string, q any) error {
	t, err := f.client().Trigger(c.Context(), id, what, q)
	if err != nil {
		return err
	}
	f.say(c, "Successfully trigger manual %s for job %s with triggerId : %s", strings.TrimSuffix(what, "s"), id, t)
	return f.object(c, map[string]string{"jobid": id, "triggerId": t})
}
