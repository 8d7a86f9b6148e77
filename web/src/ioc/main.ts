import "maplibre-gl/dist/maplibre-gl.css";
import "../app.css";
import { mount } from "svelte";
import Ioc from "./Ioc.svelte";

const target = document.getElementById("app");
if (target) mount(Ioc, { target });
