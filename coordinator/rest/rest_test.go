package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time                       { return c.now }
func (c *clock) After(time.Duration) <-chan time.Time { return nil }

func TestOperationsAreKeptForAWhile(t *testing.T) {
	c := clock{time.UnixMilli(0)}
	o := operations{now: c.Now}
	o.ctx, o.stop = context.WithCancel(t.Context())
	id := strings.Repeat("a", 32)
	started := 0
	run := func(context.Context) (any, error) { started++; return Location{"p"}, nil }
	for range 2 { // the reply to the first was lost
		if got, err := o.start("k", "j", id, run); err != nil || got.ID != id {
			t.Fatal(got, err)
		}
		o.work.Wait()
	}
	if started != 1 {
		t.Errorf("started %d times", started)
	}
	if s, ok := o.status("k", "j", id); !ok || s.Status != completed || s.Operation != (Location{"p"}) {
		t.Errorf("%+v %v", s, ok)
	}
	for _, other := range [][3]string{{"x", "j", id}, {"k", "x", id}, {"k", "j", strings.Repeat("b", 32)}} {
		if _, ok := o.status(other[0], other[1], other[2]); ok {
			t.Errorf("%q is there", other)
		}
	}
	if _, err := o.start("k", "j", "nonsense", run); statusOf(err) != http.StatusBadRequest {
		t.Error(err)
	}
	c.now = c.now.Add(storeFor + time.Second)
	failed, err := o.start("k", "j", "", func(context.Context) (any, error) { return nil, fmt.Errorf("%w: no", job.ErrInvalid) })
	if err != nil {
		t.Fatal(err)
	}
	o.close()
	if s, _ := o.status("k", "j", failed.ID); s.Operation.(Failed).Cause.Class != "wadi.InvalidException" {
		t.Errorf("%+v", s)
	}
	if _, ok := o.status("k", "j", id); ok {
		t.Error("an old operation is still known")
	}
}

func TestSlowListenersAreCutOff(t *testing.T) {
	var h hub
	slow, _ := h.listen()
	quick, _ := h.listen()
	for i := range backlog + 1 {
		h.tell(JobEvent{Restarts: i})
		if e := <-quick; e.Restarts != i {
			t.Fatal(e)
		}
	}
	n := 0
	for range slow {
		n++
	}
	if n != backlog {
		t.Errorf("the slow one has heard %d", n)
	}
	h.leave(slow)
	for range maxListeners - 1 {
		if _, ok := h.listen(); !ok {
			t.Fatal("too few listeners")
		}
	}
	if _, ok := h.listen(); ok {
		t.Error("too many listeners")
	}
	h.close()
	if _, open := <-quick; open {
		t.Error("a listener is left after the end")
	}
}

func TestStatistics(t *testing.T) {
	s := statistics([]int64{4, 1, 3, 2})
	if s.Min != 1 || s.Max != 4 || s.Avg != 2 || s.P50 != 2.5 || s.P999 <= 3.9 {
		t.Errorf("%+v", s)
	}
	if statistics(nil) != (Statistics{}) || whole([]int64{5})["median"] != 5 {
		t.Error("few numbers")
	}
	groups := [][]Metric{{{"a", "1"}, {"b", "NaN"}}, {{"a", "3"}}}
	r := httptest.NewRequest(http.MethodGet, "/?get=a,b&agg=min,skew", nil)
	got, err := aggregated(r, groups)
	if err != nil || len(got) != 1 || *got[0].Min != 1 || got[0].Max != nil || *got[0].Skew != 50 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := aggregated(httptest.NewRequest(http.MethodGet, "/?agg=mean", nil), groups); statusOf(err) != http.StatusBadRequest {
		t.Error(err)
	}
	wanted, err := queryRanges(httptest.NewRequest(http.MethodGet, "/?subtasks=1,5-7", nil), "subtasks")
	if err != nil || wanted(0) || !wanted(1) || !wanted(6) || wanted(8) {
		t.Error(err)
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	for err, want := range map[error]int{
		badRequest("x"): 400, notFound("x"): 404, job.ErrInvalid: 400, job.ErrUnavailable: 503, context.DeadlineExceeded: 503,
		errors.New("x"): 500, fmt.Errorf("read: %w", &http.MaxBytesError{}): 413,
	} {
		if got := statusOf(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

func TestHostsOfThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:8081": true, "127.0.0.1:8081": true, "[::1]:8081": true, "127.9.9.9": true,
		"evil.example": false, "10.0.0.1:8081": false, "localhost.evil.example": false, "": false,
	} {
		if local(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestLevels(t *testing.T) {
	if level(0.1) != "ok" || level(0.5) != "low" || level(0.51) != "high" {
		t.Error("levels")
	}
}
