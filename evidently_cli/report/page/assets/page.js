// The page around the widgets: parts of the report behind their links, and the colour scheme.

const parts = [...document.querySelectorAll("section.tab")];
const links = [...document.querySelectorAll("nav a")];

function choosePart() {
  const chosen = parts.find(({ id }) => location.hash === `#${id}`) ?? parts.find((part) => !part.hidden) ?? parts[0];
  for (const part of parts) part.hidden = part !== chosen;
  for (const link of links) {
    if (link.hash === `#${chosen.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

if (parts.length > 1) {
  addEventListener("hashchange", choosePart);
  choosePart();
}

const theme = document.querySelector(".theme");
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemIsDark.matches ? "dark" : "light")) === "dark";
const nameOther = () => (theme.textContent = isDark() ? "Light theme" : "Dark theme");

theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameOther();
});
systemIsDark.addEventListener("change", nameOther);
nameOther();
theme.hidden = false;
document.documentElement.classList.add("scripted");
