package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// palette are colours that can be told apart in any kind of sight (Okabe and Ito,
// without the yellow, which is too pale for a line on white).
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, // blue
	color.RGBA{0xe6, 0x9f, 0x00, 0xff}, // orange
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, // green
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, // purple
	color.RGBA{0x56, 0xb4, 0xe9, 0xff}, // sky
	color.RGBA{0x00, 0x00, 0x00, 0xff},
	color.RGBA{0x80, 0x80, 0x80, 0xff},
}

// glyphs and dashes tell apart, besides the colours.
var glyphs = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{},
	draw.CrossGlyph{}, draw.PlusGlyph{},
}

const (
	chartWidth = vg.Length(660)
	margin     = vg.Length(12)
	titleSize  = vg.Length(15)
	textSize   = vg.Length(11.5)
)

func style(p *text.Style, size vg.Length) {
	p.Font.Typeface, p.Font.Variant, p.Font.Size = "Liberation", "Sans", size
}

// newPlot returns an empty plot with a title and the names of the axes.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White // on dark pages, too
	p.Title.Text = title
	p.Title.Padding = 10
	style(&p.Title.TextStyle, titleSize)
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		style(&a.Label.TextStyle, textSize)
		style(&a.Tick.Label, textSize)
		a.Label.Padding = 6
	}
	style(&p.Legend.TextStyle, textSize)
	p.Legend.Padding = 3
	p.Legend.YPosition = draw.PosCenter
	return p
}

// A bar is what is shown of one who: a value for each series.
type bar struct {
	who    string
	values []float64
}

// bars draws horizontal bars, in groups of one for each series, the first bar at
// the top.
func bars(title, axis string, series []string, all []bar, format func(float64) string) ([]byte, error) {
	p := newPlot(title, axis, "")
	n := len(all)
	const thick, gap = vg.Length(13), vg.Length(1)
	group := vg.Length(len(series))*(thick+gap) + 9

	labels := make([]string, n)
	for i, b := range all {
		labels[n-1-i] = b.who
	}
	var top float64
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = color.Gray{0xdd}
	p.Add(grid)
	for k, name := range series {
		// The first series is the upper bar of its group.
		offset := (vg.Length(len(series)-1)/2 - vg.Length(k)) * (thick + gap)
		values := make(plotter.Values, n)
		texts := plotter.XYLabels{XYs: make(plotter.XYs, n), Labels: make([]string, n)}
		for i, b := range all {
			at := n - 1 - i
			values[at] = b.values[k]
			top = max(top, b.values[k])
			texts.XYs[at] = plotter.XY{X: b.values[k], Y: float64(at)}
			texts.Labels[at] = format(b.values[k])
		}
		c, err := plotter.NewBarChart(values, thick)
		if err != nil {
			return nil, err
		}
		c.Horizontal, c.Offset, c.Color, c.LineStyle.Width = true, offset, palette[k], 0
		l, err := plotter.NewLabels(texts)
		if err != nil {
			return nil, err
		}
		for i := range l.TextStyle {
			style(&l.TextStyle[i], textSize-1)
			l.TextStyle[i].YAlign = draw.YCenter
		}
		l.Offset = vg.Point{X: 4, Y: offset + 1}
		p.Add(c, l)
		if len(series) > 1 {
			p.Legend.Add(name, c)
		}
	}
	p.NominalY(labels...)
	p.X.Tick.Marker = evenTicks{}
	p.Y.Tick.Label.Font.Size = textSize
	p.Legend.Top, p.Legend.XOffs, p.Legend.YOffs = true, -8, -4
	p.X.Min, p.X.Max = 0, top*1.1
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	return svg(chartWidth, vg.Length(n)*group+90, []*plot.Plot{p})
}

// A line is what is shown of one who: points, from left to right.
type line struct {
	who    string
	points plotter.XYs
}

// addLines adds lines to a plot, and their names to the legends, as many to each.
// Those of others than keyturn are dashed.
func addLines(p *plot.Plot, all []line, legends ...*plot.Legend) error {
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)
	for i, l := range all {
		pl, points, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return err
		}
		c := palette[i%len(palette)]
		pl.Color, pl.Width = c, 2
		if !strings.HasPrefix(l.who, "keyturn") {
			pl.Dashes = []vg.Length{6, 3}
		}
		points.Color, points.Shape, points.Radius = c, glyphs[i%len(glyphs)], 3.5
		p.Add(pl, points)
		legends[i*len(legends)/len(all)].Add(l.who, pl, points)
	}
	for _, l := range legends {
		l.ThumbnailWidth, l.Top, l.Left = 34, true, true
	}
	return nil
}

// svg draws plots beside each other, and legends below them, beside each other, of
// which the first has the most entries.
func svg(w, h vg.Length, plots []*plot.Plot, legends ...plot.Legend) ([]byte, error) {
	c := vgsvg.New(w, h)
	dc := draw.New(c)
	dc.FillPolygon(color.White, []vg.Point{{X: 0, Y: 0}, {X: w, Y: 0}, {X: w, Y: h}, {X: 0, Y: h}})
	dc = draw.Crop(dc, margin, -margin-6, margin, -margin)
	if len(legends) > 0 {
		first := legends[0]
		below := first.Rectangle(dc).Size().Y + 14
		for i, l := range legends {
			left := (dc.Max.X - dc.Min.X) * vg.Length(i) / vg.Length(len(legends))
			l.Draw(draw.Crop(dc, left+24, 0, 0, below-14-(dc.Max.Y-dc.Min.Y)))
		}
		dc = draw.Crop(dc, 0, 0, below, 0)
	}
	tiles := draw.Tiles{Rows: 1, Cols: len(plots), PadX: 24}
	for i, p := range plots {
		p.Draw(tiles.At(dc, i, 0))
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	// Where that font is not installed, one of the same widths will do.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")), nil
}

// charts returns the charts of what was measured, those of which there is anything
// to show.
func (r *results) charts() ([]file, error) {
	var files []file
	for _, c := range []struct {
		name string
		draw func(*results) ([]byte, error)
	}{
		{"requests.svg", (*results).requestsChart},
		{"cookies.svg", (*results).cookiesChart},
		{"ring.svg", (*results).ringChart},
		{"payload.svg", (*results).payloadChart},
	} {
		data, err := c.draw(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if data != nil {
			files = append(files, file{c.name, data})
		}
	}
	return files, nil
}

func (r *results) contest(name string) contest {
	for _, c := range r.contests {
		if c.name == name {
			return c
		}
	}
	return contest{}
}

// requestsChart is what a request costs that reads the session, and one that
// changes it.
func (r *results) requestsChart() ([]byte, error) {
	var all []bar
	for _, e := range r.contest("request/read").entries {
		if change, err := r.entry("request/change", e.who); err == nil {
			all = append(all, bar{label(e), []float64{e.Time().Median / 1000, change.Time().Median / 1000}})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b bar) int { return cmp.Compare(a.values[0], b.values[0]) })
	return bars("What a request costs", "microseconds per request (less is better)",
		[]string{"the handler reads one field", "the handler changes one field"}, all, number)
}

// label is who with what must not be missed.
func label(e entry) string {
	switch {
	case strings.HasPrefix(e.note, "server-side"):
		return e.who + " (server-side)"
	case strings.HasPrefix(e.note, "encrypts") && !strings.Contains(e.who, "xchacha20"): // that says it
		return e.who + " (encrypts)"
	}
	return e.who
}

// cookiesChart is how long the cookies of the standard session are.
func (r *results) cookiesChart() ([]byte, error) {
	var all []bar
	// Those have the bytes of another entry.
	twin := func(who string) bool {
		return strings.HasPrefix(who, "floor") || strings.Contains(who, "blake2b") ||
			strings.HasSuffix(who, " values") || strings.HasSuffix(who, work.AtATime)
	}
	for _, e := range r.contest("value/make").entries {
		if e.cookie > 0 && !twin(e.who) {
			all = append(all, bar{label(e), []float64{float64(e.cookie)}})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b bar) int { return cmp.Compare(a.values[0], b.values[0]) })
	return bars("The same session in a cookie", "bytes of the cookie's value (less is better)", []string{"bytes"}, all, count)
}

// ringChart is what the number of keys costs.
func (r *results) ringChart() ([]byte, error) {
	series := make(map[string]plotter.XYs)
	var order []string
	keys := make(map[int]bool)
	for _, e := range r.contest("ring/open").entries {
		who, n, ok := ringEntry(e.who)
		if !ok {
			continue
		}
		if series[who] == nil {
			order = append(order, who)
		}
		keys[n] = true
		series[who] = append(series[who], logXY(float64(n), e.Time().Median/1000))
	}
	if len(order) == 0 {
		return nil, nil
	}
	p := newPlot("What it costs to verify, by keys in the ring", "keys in the ring (logarithmic)", "microseconds (logarithmic)")
	left, right := p.Legend, p.Legend
	if err := addLines(p, lines(order, series), &left, &right); err != nil {
		return nil, err
	}
	for _, who := range order {
		texts := plotter.XYLabels{XYs: series[who]}
		for _, xy := range series[who] {
			texts.Labels = append(texts.Labels, number(math.Pow(10, xy.Y)))
		}
		l, err := plotter.NewLabels(texts)
		if err != nil {
			return nil, err
		}
		for i := range l.TextStyle {
			style(&l.TextStyle[i], textSize-1)
			l.TextStyle[i].XAlign = draw.XCenter
		}
		l.Offset.Y = 7
		p.Add(l)
	}
	logarithmic(p, keys, p.Y.Min, p.Y.Max)
	return svg(chartWidth, 370, []*plot.Plot{p}, left, right)
}

// logarithmic gives both axes of a plot, in which there are logarithms, the ticks of
// what these are of: one has a tick for each of the values, and the other goes from
// low or less to high or more. (With plot.LogScale, the plot is padded for axis labels
// that are elsewhere.)
func logarithmic(p *plot.Plot, values map[int]bool, low, high float64) {
	var x, y plot.ConstantTicks
	for n := range values {
		x = append(x, plot.Tick{Value: math.Log10(float64(n)), Label: strconv.Itoa(n)})
	}
	if p.X.Tick.Marker = x; p.X.Min == p.X.Max { // there is one only
		p.X.Min, p.X.Max = p.X.Min-1, p.X.Max+1
	}
	low, high = round125(math.Pow(10, low), math.Pow(10, high))
	for v := range steps125() {
		if low <= v && v <= high {
			y = append(y, plot.Tick{Value: math.Log10(v), Label: strconv.FormatFloat(v, 'f', -1, 64)})
		}
	}
	p.Y.Tick.Marker, p.Y.Min, p.Y.Max = y, math.Log10(low), math.Log10(high)
}

// logXY returns a point of a logarithmic plot.
func logXY(x, y float64) plotter.XY { return plotter.XY{X: math.Log10(x), Y: math.Log10(y)} }

// ringEntry returns who and the number of keys of an entry as "keyturn 64 keys".
func ringEntry(entry string) (who string, n int, ok bool) {
	entry, which, newest := strings.Cut(entry, ", ")
	f := strings.Fields(entry)
	if len(f) < 3 || f[len(f)-1] != "key" && f[len(f)-1] != "keys" {
		return "", 0, false
	}
	n, err := strconv.Atoi(f[len(f)-2])
	who = strings.Join(f[:len(f)-2], " ")
	switch {
	case newest:
		who += ", " + which + " key"
	case who != "keyturn":
		who += ", oldest key"
	}
	return who, n, err == nil && n > 0
}

// payloadChart is what the size of the payload costs.
func (r *results) payloadChart() ([]byte, error) {
	var plots []*plot.Plot
	low, high := math.Inf(1), math.Inf(-1)
	sizes := make(map[int]bool)
	var legends []plot.Legend
	for _, c := range []struct{ prefix, title string }{
		{"envelope/open/", "What it costs to verify"}, {"envelope/sign/", "What it costs to sign"},
	} {
		series := make(map[string]plotter.XYs)
		var order []string
		for _, m := range r.contests {
			size, err := strconv.Atoi(strings.TrimPrefix(m.name, c.prefix))
			if err != nil {
				continue
			}
			sizes[size] = true
			for _, e := range m.entries {
				if e.who == hmacAtTime {
					continue // between two lines that are close to each other
				}
				if series[e.who] == nil {
					order = append(order, e.who)
				}
				series[e.who] = append(series[e.who], logXY(float64(size), e.Time().Median/1000))
			}
		}
		if len(order) == 0 {
			return nil, nil
		}
		// The same colours on both sides: keyturn's first, and then by name.
		slices.SortFunc(order, func(a, b string) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
		})
		p := newPlot(c.title, "bytes of payload (logarithmic)", "microseconds (logarithmic)")
		left, right := p.Legend, p.Legend
		if err := addLines(p, lines(order, series), &left, &right); err != nil {
			return nil, err
		}
		legends = []plot.Legend{left, right} // of either side, they are the same
		low, high = min(low, p.Y.Min), max(high, p.Y.Max)
		plots = append(plots, p)
	}
	for _, p := range plots {
		logarithmic(p, sizes, low, high)
	}
	return svg(chartWidth, 420, plots, legends...)
}

// rank is 0 for keyturn, and 1 for others.
func rank(who string) int {
	if strings.HasPrefix(who, "keyturn") {
		return 0
	}
	return 1
}

func lines(order []string, series map[string]plotter.XYs) []line {
	all := make([]line, len(order))
	for i, who := range order {
		points := series[who]
		slices.SortFunc(points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
		all[i] = line{who, points}
	}
	return all
}

// round125 returns numbers as 1, 2, 5, 10, 20 that low and high are between.
func round125(low, high float64) (float64, float64) {
	from, to := 1e-9, 1e-9
	for x := range steps125() {
		if x <= low {
			from = x
		}
		if x >= high {
			to = x
			break
		}
	}
	return from, to
}

// steps125 yields 1, 2 and 5 and all that is these with more or less noughts.
func steps125() func(yield func(float64) bool) {
	return func(yield func(float64) bool) {
		for exp := -9; exp < 12; exp++ {
			for _, digit := range []string{"1", "2", "5"} {
				x, err := strconv.ParseFloat(digit+"e"+strconv.Itoa(exp), 64)
				if err != nil || !yield(x) {
					return
				}
			}
		}
	}
}

// evenTicks are ticks at multiples of a step that is 1, 2 or 5 with noughts.
type evenTicks struct{}

// Ticks returns those between low and high.
func (evenTicks) Ticks(low, high float64) []plot.Tick {
	var all []plot.Tick
	for step := range steps125() {
		if (high-low)/step > 7 {
			continue
		}
		for i := math.Ceil(low / step); i*step <= high; i++ {
			all = append(all, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
		}
		return all
	}
	return nil
}
