package crawler

import (
	"container/heap"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/robots"
	"github.com/crawlfleet/crawlfleet/crawler/urlkey"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// item is one handed-out URL.
type item struct {
	fleet.FrontierURL
	at urlkey.URL // what is fetched now: after a redirect to itself not quite FrontierURL.URL
}

// host is one politeness clock.
type host struct {
	next    time.Time // no request before
	running int       // requests under way
}

// lane holds the URLs of one origin in the order in which they came. Each origin
// has its own robots.txt; the origins of one host share its clock.
type lane struct {
	origin string
	host   *host
	rules  *robots.Entry // nil until it is known
	asking bool          // a worker is getting its robots.txt
	asked  time.Time     // when one last began to
	items  []item

	when  time.Time // the heap's order: host.next when it was put there
	turn  uint64    // of lanes that are equally ready the one that waits longest
	index int       // in the heap, -1 outside
}

// window is what a crawl has been handed and not begun. Hosts never wait for each
// other: the heap has the lane on top that may be asked first. It holds as many
// lanes as the ticket's scope has origins.
type window struct {
	lanes  map[string]*lane
	hosts  map[string]*host
	ready  laneHeap
	queued int
	turns  uint64
}

func newWindow() *window {
	return &window{lanes: map[string]*lane{}, hosts: map[string]*host{}}
}

// add puts a URL at the end of its lane, or at its front if it is to be asked
// for again.
func (w *window) add(it item, front bool) {
	l := w.lane(it.at)
	if front {
		l.items = append([]item{it}, l.items...)
	} else {
		l.items = append(l.items, it)
	}
	w.queued++
	w.offer(l)
}

func (w *window) lane(at urlkey.URL) *lane {
	if l := w.lanes[at.Origin()]; l != nil {
		return l
	}
	h := w.hosts[at.Host]
	if h == nil {
		h = &host{}
		w.hosts[at.Host] = h
	}
	l := &lane{origin: at.Origin(), host: h, index: -1}
	w.lanes[l.origin] = l
	return l
}

// offer puts a lane that has work into the heap.
func (w *window) offer(l *lane) {
	if l.index >= 0 || l.asking || len(l.items) == 0 {
		return
	}
	w.turns++
	l.when, l.turn = l.host.next, w.turns
	heap.Push(&w.ready, l)
}

// next takes the lane that may be asked now out of the heap, or says when the
// first one may be; the zero time means that there is none. The caller offers
// the lane again. A host that has its share of requests under way is passed over.
func (w *window) next(now time.Time, share int) (*lane, time.Time) {
	var busy []*lane
	defer func() {
		for _, l := range busy {
			w.offer(l)
		}
	}()
	for {
		l, at := w.pop(now)
		if l == nil || l.host.running < share {
			return l, at
		}
		busy = append(busy, l)
	}
}

func (w *window) pop(now time.Time) (*lane, time.Time) {
	for len(w.ready) > 0 {
		l := w.ready[0]
		if l.when.Before(l.host.next) { // its host was asked through another lane
			l.when = l.host.next
			heap.Fix(&w.ready, 0)
			continue
		}
		if l.when.After(now) {
			return nil, l.when
		}
		heap.Pop(&w.ready)
		return l, time.Time{}
	}
	return nil, time.Time{}
}

// take takes the first URL of a lane.
func (w *window) take(l *lane) item {
	it := l.items[0]
	l.items[0] = item{} // let go of its strings
	l.items = l.items[1:]
	w.queued--
	return it
}

// waiting counts the URLs whose hosts may not be asked before a given time.
func (w *window) waiting(before time.Time) int {
	n := 0
	for _, l := range w.lanes {
		if l.host.next.After(before) || l.asking {
			n += len(l.items)
		}
	}
	return n
}

// laneHeap is a container/heap by time, then by turn.
type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }

func (h laneHeap) Less(i, j int) bool {
	if !h[i].when.Equal(h[j].when) {
		return h[i].when.Before(h[j].when)
	}
	return h[i].turn < h[j].turn
}

func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *laneHeap) Push(x any) {
	l, _ := x.(*lane)
	l.index = len(*h)
	*h = append(*h, l)
}

func (h *laneHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.index = -1
	return l
}
