package org.mouselift.data.prompts;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a set of prompt embeddings says about itself (mouse specification §5.4): {@code metadata.json}, or the same text in the
 * metadata of a safetensors file. Files of the original, which have fewer fields, are read, too.
 *
 * @param schema 2; 0 for files of the original
 * @param template name of the style; empty if not known
 * @param rig name of the rig; empty if not known
 * @param learned embeddings are trained weights: there are no sentences
 * @param slots directions; empty if not known
 * @param colour sentences of the pictures; empty if not known
 * @param normal sentences of the normal maps; empty if there are none
 * @param shape of the colour tensor; empty if not stated
 * @param model name of the text encoder; empty if not known
 * @param encoder what the embeddings were made with
 * @param colourSha256 of the bytes of the colour tensor; empty if not stated
 * @param normalSha256 of the bytes of the normal tensor; empty if there is none
 * @param createdBy program and command
 */
public record PromptMetadata(int schema, String template, String rig, boolean learned, List<PromptSlot> slots, List<String> colour, List<String> normal, List<Long> shape,
        String model, Optional<Encoder> encoder, String colourSha256, String normalSha256, String createdBy) {
    /** Version that is written. */
    public static final int SCHEMA = 2;
    /** SHA-256 of the bytes of the human model's colour tensor, f16 [6,77,1024], whose file has no metadata. */
    private static final String HUMAN = "f93896e4560badfd6df363f0f85748aa8ab0bca99006f6dbe3f156c826c83a26";
    private static final String HUMAN_MODEL = "text encoder of Stable Diffusion 2.1";
    /** Elevations that the original's presets mean. */
    private static final Map<String, Double> PRESETS = Map.of("facelift", 0.0, "mouse", 20.0, "topdown", 45.0);
    private static final int MAX_SLOTS = 4096;
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /** Text encoder and tokenizer, by name and the SHA-256 of their files. */
    public record Encoder(String name, int hiddenSize, String tokenizerSha256, String weightsSha256) {}

    public PromptMetadata {
        slots = List.copyOf(slots);
        colour = List.copyOf(colour);
        normal = List.copyOf(normal);
        shape = List.copyOf(shape);
    }

    /** Of embeddings made from sentences. */
    public static PromptMetadata of(PromptText text, List<Long> shape, Encoder encoder, String colourSha256, String normalSha256, String createdBy) {
        return new PromptMetadata(SCHEMA, text.style(), text.rig(), false, text.slots(), text.colour(), text.normal(), shape, encoder.name(), Optional.of(encoder),
                colourSha256, normalSha256, createdBy);
    }

    /** Of embeddings that a training learnt. */
    public static PromptMetadata learned(String rig, List<PromptSlot> slots, List<Long> shape, String colourSha256, String createdBy) {
        return new PromptMetadata(SCHEMA, "", rig, true, slots, List.of(), List.of(), shape, "", Optional.empty(), colourSha256, "", createdBy);
    }

    /** Of embeddings whose origin is only said afterwards, by sentences that somebody vouches for. */
    public static PromptMetadata stated(PromptText text, List<Long> shape, String colourSha256, String createdBy) {
        return new PromptMetadata(SCHEMA, text.style(), text.rig(), false, text.slots(), text.colour(), text.normal(), shape, "", Optional.empty(), colourSha256, "", createdBy);
    }

    /** What is known of a tensor that carries no metadata: that of the human model is recognised by the hash of its bytes. */
    public static Optional<PromptMetadata> builtIn(String tensorSha256) {
        if (!tensorSha256.equals(HUMAN)) {
            return Optional.empty();
        }
        PromptText text = PromptText.of(PromptStyles.builtIn().style("facelift"), org.mouselift.data.camera.RigCatalog.human6(), PromptText.Options.STANDARD);
        return Optional.of(new PromptMetadata(SCHEMA, text.style(), text.rig(), false, text.slots(), text.colour(), text.normal(), List.of(6L, 77L, 1024L), HUMAN_MODEL,
                Optional.empty(), HUMAN, "", "built in"));
    }

    /** The same of a copy of the colour tensor in another element type. */
    public PromptMetadata stored(List<Long> copyShape, String copySha256) {
        return new PromptMetadata(SCHEMA, template, rig, learned, slots, colour, List.of(), copyShape, model, encoder, copySha256, "", createdBy);
    }

    /** As JSON text. */
    public String toJson() {
        ObjectNode node = JSON.createObjectNode();
        node.put("schema", SCHEMA);
        node.put("mode", learned ? "learned" : "text");
        node.put("template_id", template);
        node.put("rig_id", rig);
        slots.stream().map(PromptSlot::name).forEach(node.putArray("views")::add);
        var all = node.putArray("slots");
        for (PromptSlot slot : slots) {
            all.addObject().put("name", slot.name()).put("azimuth", slot.azimuth()).put("elevation", slot.elevation()).put("distance", slot.distance());
        }
        node.put("azimuth_convention", "XY_CCW");
        colour.forEach(node.putArray("color_prompts")::add);
        normal.forEach(node.putArray("normal_prompts")::add);
        shape.forEach(node.putArray("shape")::add);
        node.put("model", model);
        encoder.ifPresent(e -> node.putObject("encoder").put("name", e.name()).put("hidden_size", e.hiddenSize()).put("tokenizer_sha256", e.tokenizerSha256())
                .put("weights_sha256", e.weightsSha256()));
        List<Double> legacy = template.isEmpty() ? List.of() : legacyAzimuths(template);
        if (!legacy.isEmpty()) {
            legacy.forEach(node.putArray("legacy_azimuths")::add);
        }
        node.put("tensor_sha256", colourSha256);
        if (!normalSha256.isEmpty()) {
            node.put("normal_tensor_sha256", normalSha256);
        }
        node.put("created_by", createdBy);
        return node.toPrettyString() + "\n";
    }

    private static List<Double> legacyAzimuths(String template) {
        return PromptStyles.builtIn().all().stream().filter(s -> s.id().equals(template)).findFirst().map(PromptStyle::legacyAzimuths).orElse(List.of());
    }

    /**
     * Reads JSON text.
     *
     * @throws IOException naming the field that is not what it should be
     */
    public static PromptMetadata parse(String text) throws IOException {
        JsonNode node;
        try {
            node = JSON.readTree(text);
        } catch (IOException e) {
            throw new IOException("is not valid JSON: " + e.getMessage(), e);
        }
        if (node == null || !node.isObject()) {
            throw new IOException("is not a JSON object");
        }
        List<PromptSlot> slots = node.has("slots") ? slots(node.get("slots")) : legacySlots(node);
        List<Long> shape = new ArrayList<>();
        for (JsonNode side : array(node, "shape")) {
            if (!side.isIntegralNumber()) {
                throw new IOException("field shape holds " + side + ", expected whole numbers");
            }
            shape.add(side.longValue());
        }
        Optional<Encoder> encoder = Optional.empty();
        if (node.hasNonNull("encoder")) {
            JsonNode e = node.get("encoder");
            encoder = Optional.of(new Encoder(string(e, "name"), e.path("hidden_size").intValue(), string(e, "tokenizer_sha256"), string(e, "weights_sha256")));
        }
        String model = string(node, "model");
        return new PromptMetadata(node.path("schema").intValue(), node.has("template_id") ? string(node, "template_id") : string(node, "style"), string(node, "rig_id"),
                string(node, "mode").equals("learned"), slots, sentences(node, "color_prompts"), sentences(node, "normal_prompts"), shape,
                model.isEmpty() && encoder.isPresent() ? encoder.get().name() : model, encoder, string(node, "tensor_sha256"), string(node, "normal_tensor_sha256"),
                string(node, "created_by"));
    }

    private static List<PromptSlot> slots(JsonNode array) throws IOException {
        if (!array.isArray() || array.size() > MAX_SLOTS) {
            throw new IOException("field slots is no list of at most " + MAX_SLOTS + " directions");
        }
        List<PromptSlot> slots = new ArrayList<>();
        for (JsonNode slot : array) {
            String at = "slots[" + slots.size() + "]";
            slots.add(new PromptSlot(string(slot, "name"), number(slot, at, "azimuth"), number(slot, at, "elevation"), slot.has("distance") ? number(slot, at, "distance") : 0));
        }
        return slots;
    }

    /**
     * The directions that the original's names stand for. Its {@code azimuths} are not used: those of its presets belong to no
     * model (mouse specification §5.2).
     */
    private static List<PromptSlot> legacySlots(JsonNode node) throws IOException {
        List<PromptSlot> slots = new ArrayList<>();
        Double preset = PRESETS.get(string(node, "preset"));
        JsonNode elevations = array(node, "elevations");
        for (JsonNode view : array(node, "views")) {
            OptionalDouble azimuth = ViewName.azimuth(view.asText());
            JsonNode stated = elevations.size() > slots.size() ? elevations.get(slots.size()) : node.hasNonNull("elevation") ? node.get("elevation") : node.get("avg_elevation");
            Double elevation = stated != null && stated.isNumber() ? Double.valueOf(stated.doubleValue()) : preset;
            if (azimuth.isEmpty() || elevation == null || !Double.isFinite(elevation) || slots.size() >= MAX_SLOTS) {
                return List.of();
            }
            slots.add(new PromptSlot(view.asText(), 270 - azimuth.getAsDouble(), elevation, 0));
        }
        return slots;
    }

    private static JsonNode array(JsonNode node, String field) throws IOException {
        JsonNode value = node.path(field);
        if (!value.isArray() && !value.isMissingNode() && !value.isNull()) {
            throw new IOException("field " + field + " is " + value.getNodeType() + ", expected a list");
        }
        return value;
    }

    private static List<String> sentences(JsonNode node, String field) throws IOException {
        List<String> out = new ArrayList<>();
        for (JsonNode sentence : array(node, field)) {
            if (!sentence.isTextual()) {
                throw new IOException("field " + field + " holds " + sentence + ", expected sentences");
            }
            out.add(sentence.textValue());
        }
        return out;
    }

    private static String string(JsonNode node, String field) throws IOException {
        JsonNode value = node.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return "";
        }
        if (!value.isTextual()) {
            throw new IOException("field " + field + " is " + value + ", expected text");
        }
        return value.textValue();
    }

    private static double number(JsonNode node, String at, String field) throws IOException {
        JsonNode value = node.path(field);
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw new IOException("field " + at + "." + field + " is " + (value.isMissingNode() ? "missing" : value.toString()) + ", expected a number");
        }
        return value.doubleValue();
    }
}
