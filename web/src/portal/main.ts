import "maplibre-gl/dist/maplibre-gl.css";
import "../app.css";
import { mount } from "svelte";
import Portal from "./Portal.svelte";

const target = document.getElementById("app");
if (target) mount(Portal, { target });
