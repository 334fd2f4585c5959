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

// lane holds the URLs of one origin in the order in which they came. Each origin
// has its own robots.txt; the origins of one host share its clock.
type lane struct {
	origin string
	host   *host
	rules  *robots.Entry // nil until it is known
	asking bool          // a worker is getting its robots.txt
	items  []item

	heard    bool         // its robots.txt was searched for sitemaps
	sitemaps []fleet.Link // which no result has carried yet

	when   time.Time // the heap's order: when its host was ready as it was put there
	turn   uint64    // of lanes that are equally ready the one that waits longest
	index  int       // in the heap, -1 outside
	parked bool      // it waits for a turn
}

// maxLanes is when lanes that are empty are dropped: a crawl of whole domains meets ever
// new hosts, and a robots.txt is remembered elsewhere.
const maxLanes = 4 * maxWindow

// window is what a crawl has been handed and not begun. Hosts never wait for each
// other: the heap has the lane on top that may be asked first. It holds as many
// lanes as the ticket's scope has origins.
type window struct {
	lanes  map[string]*lane
	hosts  map[string]*host
	ready  laneHeap
	parked []*lane // of hosts whose turn is not ours
	turns  bool    // the data plane knows turns, as far as is known
	delay  time.Duration
	queued int
	serial uint64
}

func newWindow(delay time.Duration) *window {
	return &window{
		lanes: map[string]*lane{}, hosts: map[string]*host{}, turns: true, delay: delay,
	}
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
	l.host.queued++
	w.offer(l)
}

func (w *window) lane(at urlkey.URL) *lane {
	if l := w.lanes[at.Origin()]; l != nil {
		return l
	}
	if len(w.lanes) >= maxLanes {
		w.prune()
	}
	h := w.hosts[at.Host]
	if h == nil {
		h = &host{name: at.Host, delay: w.delay}
		w.hosts[at.Host] = h
	}
	l := &lane{origin: at.Origin(), host: h, index: -1}
	w.lanes[l.origin] = l
	return l
}

// prune drops what there is nothing left to do of, but for hosts that are special.
func (w *window) prune() {
	now := time.Now()
	for origin, l := range w.lanes {
		if len(l.items) == 0 && !l.asking && l.host.running == 0 {
			delete(w.lanes, origin)
		}
	}
	busy := map[*host]bool{}
	for _, l := range w.lanes {
		busy[l.host] = true
	}
	for name, h := range w.hosts {
		if !busy[h] && h.note == "" && h.next.Before(now) {
			delete(w.hosts, name)
		}
	}
}

// offer puts a lane that has work into the heap.
func (w *window) offer(l *lane) {
	if l.index >= 0 || l.asking || l.parked || len(l.items) == 0 {
		return
	}
	w.serial++
	l.when, _ = l.host.ready(time.Now(), w.turns)
	l.turn = w.serial
	heap.Push(&w.ready, l)
}

// release lets what waits for a host go on at once: nothing is asked of it any more.
func (w *window) release(h *host) {
	for _, l := range w.lanes {
		if l.host == h && l.index >= 0 {
			l.when = time.Time{}
			heap.Fix(&w.ready, l.index)
		}
	}
	w.unpark()
}

// unpark has every lane that waits for a turn looked at again.
func (w *window) unpark() {
	parked := w.parked
	w.parked = nil
	for _, l := range parked {
		l.parked = false
		w.offer(l)
	}
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
		at, ok := l.host.ready(now, w.turns)
		if !ok {
			heap.Pop(&w.ready)
			l.parked = true
			w.parked = append(w.parked, l)
			continue
		}
		if l.when.Before(at) { // its host was asked through another lane
			l.when = at
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
	l.host.queued--
	return it
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
