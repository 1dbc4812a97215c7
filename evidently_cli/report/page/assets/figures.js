// Draws a figure when it comes into sight; Plotly itself is unpacked and parsed for the first one.
"use strict";

const FONT = { family: "system-ui, sans-serif", size: 12 };
const AXIS = { automargin: true, zeroline: false, ticks: "" };
const LAYOUT = {
  font: FONT,
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  hoverlabel: { bgcolor: "#1b1f24", bordercolor: "#5a626c", font: { color: "#ffffff" }, align: "left" },
  // On a touch screen, a finger on the plot scrolls the page.
  dragmode: matchMedia("(pointer: fine)").matches ? "zoom" : false,
};
const CONFIG = { displayModeBar: false };

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Room for the titles of the axes from the start: the less automargin has to find, the less often it draws anew.
const margin = ({ xaxis, yaxis }) => ({ l: yaxis?.title ? 60 : 40, r: 12, t: 12, b: xaxis?.title ? 48 : 28 });

let plotly;
function loadPlotly() {
  plotly ??= unpacked(document.getElementById("plotly").textContent).then((code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script);
    return window.Plotly;
  });
  return plotly;
}

// Plotly's own "responsive" hears of the window only, and leaves a figure that is hidden just then as it was.
const size = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const drawn = target.querySelector(".main-svg").width.baseVal.value;
    if (contentRect.width && Math.abs(contentRect.width - drawn) >= 1) window.Plotly.Plots.resize(target);
  }
});

async function draw(plot) {
  try {
    const [Plotly, text] = await Promise.all([loadPlotly(), unpacked(plot.dataset.plot)]);
    const { data, layout } = JSON.parse(text);
    const axes = { xaxis: { ...AXIS, ...layout.xaxis }, yaxis: { ...AXIS, ...layout.yaxis } };
    await Plotly.newPlot(plot, data, { ...LAYOUT, margin: margin(layout), ...layout, ...axes }, CONFIG);
    plot.dataset.state = "drawn";
    size.observe(plot);
  } catch (error) {
    plot.dataset.state = "failed";
    plot.textContent = "This plot cannot be drawn here; the text below says what it shows.";
    console.error(error);
  }
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        sight.unobserve(target);
        draw(target);
      }
    }
  },
  { rootMargin: "200px" },
);
for (const plot of document.querySelectorAll(".plot")) sight.observe(plot);

// Paper is laid out right after this event, too soon to measure it: every figure gets what half an A4 page has.
const HALF_PAGE = 330;
const drawn = () => document.querySelectorAll(".plot[data-state=drawn]");
addEventListener("beforeprint", () => {
  for (const plot of drawn()) window.Plotly.relayout(plot, { width: HALF_PAGE });
});
addEventListener("afterprint", () => {
  for (const plot of drawn()) window.Plotly.relayout(plot, { width: null, height: null });
});
