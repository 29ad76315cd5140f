// Runs the model beside this page on a picture, and draws where the class is seen.
import * as ort from "./runtime/ort.wasm.min.mjs";

const TOP = 5;
const at = (id) => document.getElementById(id);

ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
ort.env.wasm.numThreads = 1; // More would need headers that a plain file server does not send.

const facts = await (await fetch("model.json")).json();
at("name").textContent = facts.arch || facts.name;
document.title = facts.name;
const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
let shown = null;

// The triangle filter of Pillow's BILINEAR: as wide as the shrinking asks for, normalised at the
// border. Weights of each new place along one side.
function weights(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, i) =>
      Math.max(0, 1 - Math.abs((first + i - centre + 0.5) / reach)));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, shares: raw.map((each) => each / sum) };
  });
}

// RGB of a canvas brought to [height, width], first along rows and then along columns, rounded
// between the two as Pillow does.
function resized({ data, width, height }, [newHeight, newWidth]) {
  const rows = new Uint8ClampedArray(height * newWidth * 3);
  weights(width, newWidth).forEach(({ first, shares }, x) => {
    for (let y = 0; y < height; y++)
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        shares.forEach((share, i) => { sum += share * data[(y * width + first + i) * 4 + c]; });
        rows[(y * newWidth + x) * 3 + c] = Math.floor(sum + 0.5);
      }
  });
  const result = new Uint8ClampedArray(newHeight * newWidth * 3);
  weights(height, newHeight).forEach(({ first, shares }, y) => {
    for (let i = 0; i < newWidth * 3; i++) {
      let sum = 0;
      shares.forEach((share, k) => { sum += share * rows[(first + k) * newWidth * 3 + i]; });
      result[y * newWidth * 3 + i] = Math.floor(sum + 0.5);
    }
  });
  return result;
}

function prepared(image) {
  const { size, resize, cover, layout, dtype } = facts.preprocess;
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, image.width, image.height);
  context.drawImage(image, 0, 0);
  let pixels = context.getImageData(0, 0, image.width, image.height);
  let [height, width] = size;
  let values;
  if (resize === "cover") {
    const factor = Math.max(cover[0] / image.height, cover[1] / image.width);
    const whole = [Math.max(cover[0], Math.trunc(image.height * factor)),
      Math.max(cover[1], Math.trunc(image.width * factor))];
    const all = resized(pixels, whole);
    const top = Math.round((whole[0] - height) / 2), left = Math.round((whole[1] - width) / 2);
    values = new Uint8ClampedArray(height * width * 3);
    for (let y = 0; y < height; y++)
      values.set(all.subarray(((top + y) * whole[1] + left) * 3, ((top + y) * whole[1] + left + width) * 3),
        y * width * 3);
  } else {
    values = resized(pixels, size);
  }
  const first = layout === "NCHW";
  if (first) {
    const planes = new Uint8ClampedArray(values.length);
    for (let i = 0; i < height * width; i++)
      for (let c = 0; c < 3; c++) planes[c * height * width + i] = values[i * 3 + c];
    values = planes;
  }
  const shape = first ? [1, 3, height, width] : [1, height, width, 3];
  const array = dtype === "float32" ? Float32Array.from(values) : new Uint8Array(values.buffer);
  return new ort.Tensor(dtype, array, shape);
}

function draw() {
  const { image, cam } = shown;
  const canvas = at("picture");
  const context = canvas.getContext("2d");
  const scale = Math.min(1, 480 / Math.max(image.width, image.height));
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.hidden = false;
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  at("switch").hidden = !cam;
  if (!cam || !at("show").checked) return;
  const [, height, width] = cam.dims;
  const largest = Math.max(...cam.data, 1e-12);
  const map = new ImageData(width, height);
  cam.data.forEach((value, i) => map.data.set([255, 64, 0, 190 * value / largest], i * 4));
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(map, 0, 0);
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

async function ask(blob) {
  try {
    // Turned as the camera says, like everywhere else.
    const image = await createImageBitmap(blob, { imageOrientation: "from-image" });
    const started = performance.now();
    const given = await session.run({ [session.inputNames[0]]: prepared(image) });
    const spent = performance.now() - started;
    let shares = Array.from(given.probabilities.data);
    if (shares.length === 1) shares = [1 - shares[0], shares[0]];
    const order = shares.map((_, i) => i).sort((a, b) => shares[b] - shares[a]).slice(0, TOP);
    at("answers").replaceChildren(...order.map((i) => {
      const row = document.createElement("li");
      const name = document.createElement("span"), share = document.createElement("span");
      name.textContent = facts.classes[i];
      share.textContent = `${(100 * shares[i]).toFixed(1)} %`;
      row.style.setProperty("--share", `${100 * shares[i]}%`);
      row.append(name, share);
      return row;
    }));
    shown = { image, cam: given.cam };
    draw();
    at("status").textContent = `answered in ${spent.toFixed(0)} ms`;
    document.body.dataset.logits = JSON.stringify(Array.from(given.logits.data));
    if (given.cam) document.body.dataset.cam = JSON.stringify(Array.from(given.cam.data));
  } catch (error) {
    at("status").textContent = `this cannot be read as a picture: ${error.message}`;
  }
}

const load = async (name) => ask(await (await fetch(`examples/${name}`)).blob());
at("examples").replaceChildren(...facts.examples.map((name) => {
  const button = document.createElement("button"), picture = document.createElement("img");
  picture.src = `examples/${name}`;
  picture.alt = name;
  button.append(picture);
  button.addEventListener("click", () => load(name));
  return button;
}));
at("show").addEventListener("change", draw);
at("file").addEventListener("change", (event) => event.target.files[0] && ask(event.target.files[0]));
const drop = at("drop");
for (const kind of ["dragover", "dragleave", "drop"])
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) ask(event.dataTransfer.files[0]);
  });
at("status").textContent = "ready";
// A link can name an example: index.html#real-1.png
if (facts.examples.includes(location.hash.slice(1))) await load(location.hash.slice(1));
