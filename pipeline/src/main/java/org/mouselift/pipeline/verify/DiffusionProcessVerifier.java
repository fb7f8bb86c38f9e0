package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.LearningRate;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.diffusion.TorchGenerator;
import org.mouselift.models.nn.Sinusoids;

/** Noise schedules, samplers, embedding noise, sinusoids, averages, learning rates and the random generator of diffusion. */
public final class DiffusionProcessVerifier implements CaseVerifier {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SAMPLING = "scheduler_config.json";
    private static final String EMBEDDING = "image_noising_scheduler_config.json";
    private static final Pattern TIMESTEPS = Pattern.compile("timesteps\\.(\\d+)(?:\\.(\\w+))?");
    private static final Pattern TRAJECTORY = Pattern.compile("(ddim|ddpm)\\.(v_prediction|epsilon|sample)(?:\\.eta([0-9.]+))?\\.(latents|x0|timesteps)");
    private static final Pattern RANDOM = Pattern.compile("(randn|rand|randint(\\d+)|continued)\\.seed(\\d+)\\.(?:n(\\d+)|draw(\\d+)_.*)");

    /** What a case is about. */
    private enum Topic { SCHEDULES, TRAJECTORY, FORWARD, EMBEDDING, SINUSOIDS, AVERAGE, RATES, RANDOM, NONE }

    private static Topic topic(GoldenFolder folder, String file) throws GoldenException {
        if (file.equals("lr_schedules.json")) {
            return Topic.RATES;
        }
        if (!folder.kind(file).equals("case")) {
            return Topic.NONE;
        }
        if (folder.declares(file, "alphas_cumprod")) {
            return Topic.SCHEDULES;
        }
        if (folder.declares(file, "x_T") && folder.declares(file, "model_output")) {
            return Topic.TRAJECTORY;
        }
        if (folder.declares(file, "velocity") && folder.declares(file, "noisy")) {
            return Topic.FORWARD;
        }
        if (folder.declares(file, "scaled") && folder.declares(file, "image_embeds")) {
            return Topic.EMBEDDING;
        }
        if (folder.declares(file, "timesteps") && folder.declares(file, "dim16")) {
            return Topic.SINUSOIDS;
        }
        if (folder.declares(file, "decay_at.k")) {
            return Topic.AVERAGE;
        }
        for (String name : (Iterable<String>) () -> {
            try {
                return folder.entry(file).path("tensors").fieldNames();
            } catch (GoldenException e) {
                throw new IllegalStateException(e);
            }
        }) {
            return RANDOM.matcher(name).matches() ? Topic.RANDOM : Topic.NONE;
        }
        return Topic.NONE;
    }

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return topic(folder, file) != Topic.NONE;
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Topic topic = topic(c.folder(), c.file());
        if (topic == Topic.RATES) {
            return rates(c);
        }
        Map<String, double[]> got = new LinkedHashMap<>();
        try (Scope scope = Scope.open(c.toString())) {
            switch (topic) {
                case SCHEDULES -> schedules(got, c);
                case TRAJECTORY -> trajectories(got, c);
                case FORWARD -> forward(got, c);
                case EMBEDDING -> embedding(got, c);
                case SINUSOIDS -> sinusoids(got, c);
                case AVERAGE -> average(got, c);
                default -> random(got, c);
            }
        }
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            checks.add(got.containsKey(name) ? CheckResult.of(c.compare(name, got.get(name))) : CheckResult.fail(name, "is not computed"));
        }
        return checks;
    }

    @SuppressWarnings("unchecked")
    private static NoiseSchedule schedule(GoldenCase c, String file) throws IOException {
        return NoiseSchedule.of(JSON.convertValue(GoldenFolder.readJson(c.folder().resolve(file)), Map.class), file.equals(EMBEDDING), file);
    }

    private static double[] doubles(float[] x) {
        double[] out = new double[x.length];
        Arrays.setAll(out, i -> x[i]);
        return out;
    }

    private static double[] doubles(int[] x) {
        return Arrays.stream(x).asDoubleStream().toArray();
    }

    private static void schedules(Map<String, double[]> got, GoldenCase c) throws IOException {
        NoiseSchedule s = schedule(c, SAMPLING);
        NoiseSchedule e = schedule(c, EMBEDDING);
        got.put("betas", doubles(s.betas()));
        got.put("alphas_cumprod", doubles(s.alphasCumprod()));
        got.put("final_alpha_cumprod", new double[] {s.finalAlpha()});
        got.put("unclip.betas", doubles(e.betas()));
        got.put("unclip.alphas_cumprod", doubles(e.alphasCumprod()));
        double[][] weights = new double[3][s.length()];
        for (int t = 0; t < s.length(); t++) {
            weights[0][t] = s.snr(t);
            weights[1][t] = s.minSnrWeight(t, 5, false);
            weights[2][t] = s.minSnrWeight(t, 5, true);
        }
        got.put("snr", weights[0]);
        got.put("min_snr_weight_gamma5", weights[1]);
        got.put("min_snr_weight_gamma5_plus_1", weights[2]);
        for (String name : c.expected()) {
            Matcher m = TIMESTEPS.matcher(name);
            if (m.matches()) {
                NoiseSchedule spaced = m.group(2) == null ? s : s.with(NoiseSchedule.Spacing.valueOf(m.group(2).toUpperCase(java.util.Locale.ROOT)));
                got.put(name, doubles(spaced.timesteps(Integer.parseInt(m.group(1)))));
            }
        }
    }

    private static void trajectories(Map<String, double[]> got, GoldenCase c) throws IOException {
        NoiseSchedule s = schedule(c, SAMPLING);
        Tensor outputs = DiffusionGoldens.tensor(c, "model_output");
        Tensor noises = DiffusionGoldens.tensor(c, "noise");
        int steps = (int) outputs.dim(0);
        got.put("timesteps", doubles(s.timesteps(steps)));
        for (String name : c.expected()) {
            Matcher m = TRAJECTORY.matcher(name);
            if (!m.matches() || got.containsKey(name)) {
                continue;
            }
            DiffusionSampler.Kind kind = m.group(1).equals("ddim") ? DiffusionSampler.Kind.DDIM : DiffusionSampler.Kind.DDPM;
            NoiseSchedule.Prediction prediction = NoiseSchedule.Prediction.valueOf(m.group(2).toUpperCase(java.util.Locale.ROOT));
            DiffusionSampler sampler = new DiffusionSampler(s.with(prediction), kind, m.group(3) == null ? 0 : Double.parseDouble(m.group(3)), steps);
            Tensor x = DiffusionGoldens.tensor(c, "x_T");
            List<Tensor> latents = new ArrayList<>();
            List<Tensor> clean = new ArrayList<>();
            int[] timesteps = sampler.timesteps();
            for (int i = 0; i < steps; i++) {
                DiffusionSampler.Result r = sampler.step(row(outputs, i), timesteps[i], x, sampler.drawsNoise(timesteps[i]) ? row(noises, i) : null);
                x = r.latents();
                latents.add(x);
                clean.add(r.cleanSample());
            }
            String prefix = name.substring(0, name.lastIndexOf('.') + 1);
            got.put(prefix + "latents", Ops.concat(0, latents).toDoubles());
            got.put(prefix + "x0", Ops.concat(0, clean).toDoubles());
            got.put(prefix + "timesteps", doubles(timesteps));
        }
    }

    private static Tensor row(Tensor x, int i) {
        return Ops.reshape(Ops.contiguous(Ops.slice(x, 0, i, i + 1)), Arrays.copyOfRange(x.shape().dims(), 1, x.rank()));
    }

    private static void forward(Map<String, double[]> got, GoldenCase c) throws IOException {
        NoiseSchedule s = schedule(c, SAMPLING);
        int[] t = Arrays.stream(c.longs("timesteps")).mapToInt(Math::toIntExact).toArray();
        Tensor x = DiffusionGoldens.tensor(c, "x0");
        Tensor noise = DiffusionGoldens.tensor(c, "noise");
        got.put("noisy", s.addNoise(x, noise, t).toDoubles());
        got.put("velocity", s.velocity(x, noise, t).toDoubles());
    }

    private static void embedding(Map<String, double[]> got, GoldenCase c) throws IOException {
        Map<String, Tensor> statistics = DiffusionGoldens.weights(c.folder(), c.entry().path("checkpoint").asText());
        ImageEmbeddingNoise noising = new ImageEmbeddingNoise(statistics.get("mean"), statistics.get("std"), schedule(c, EMBEDDING));
        Tensor e = DiffusionGoldens.tensor(c, "image_embeds");
        Tensor noise = DiffusionGoldens.tensor(c, "noise");
        got.put("scaled", noising.scale(e).toDoubles());
        for (String name : c.expected()) {
            if (name.startsWith("level")) {
                got.put(name, noising.classLabels(e, Integer.parseInt(name.substring("level".length())), noise).toDoubles());
            }
        }
    }

    private static void sinusoids(Map<String, double[]> got, GoldenCase c) throws IOException {
        double[] t = Arrays.stream(c.longs("timesteps")).asDoubleStream().toArray();
        for (String name : c.expected()) {
            got.put(name, Sinusoids.of(t, Integer.parseInt(name.substring("dim".length())), true, 0).toDoubles());
        }
    }

    private static void average(Map<String, double[]> got, GoldenCase c) throws IOException {
        String text = c.entry().path("description").asText();
        JsonNode arguments = text.indexOf('{') < 0 ? JSON.createObjectNode() : JSON.readTree(text.substring(text.indexOf('{')));
        ExponentialMovingAverage.Options standard = ExponentialMovingAverage.Options.STANDARD;
        var options = new ExponentialMovingAverage.Options(arguments.path("decay").asDouble(standard.decay()), arguments.path("min_decay").asDouble(0),
                arguments.path("update_after_step").asLong(0), arguments.path("use_ema_warmup").asBoolean(false), arguments.path("inv_gamma").asDouble(1),
                arguments.path("power").asDouble(standard.power()));
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        for (int i = 0; c.has("param" + i + ".step0"); i++) {
            parameters.put(String.valueOf(i), DiffusionGoldens.tensor(c, "param" + i + ".step0"));
        }
        List<Double> decays = new ArrayList<>();
        try (ExponentialMovingAverage ema = new ExponentialMovingAverage(parameters, options)) {
            for (int step = 1; c.has("param0.step" + step); step++) {
                for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                    p.getValue().contiguousSegment().copyFrom(DiffusionGoldens.tensor(c, "param" + p.getKey() + ".step" + step).contiguousSegment());
                }
                ema.update();
                decays.add(options.at(step));
                int at = step;
                ema.shadows().forEach((name, shadow) -> got.put("shadow" + name + ".step" + at, shadow.toDoubles()));
            }
        }
        got.put("decay", decays.stream().mapToDouble(d -> d).toArray());
        got.put("decay_at", Arrays.stream(c.longs("decay_at.k")).mapToDouble(options::at).toArray());
    }

    private static void random(Map<String, double[]> got, GoldenCase c) throws IOException {
        Map<String, TorchGenerator> running = new HashMap<>();
        for (String name : c.expected()) {
            Matcher m = RANDOM.matcher(name);
            if (!m.matches()) {
                continue;
            }
            int n = Math.toIntExact(c.tensor(name).elements());
            TorchGenerator fresh = new TorchGenerator(Long.parseLong(m.group(3)));
            double[] values = new double[n];
            if (m.group(1).equals("rand")) {
                Arrays.setAll(values, i -> fresh.uniform());
            } else if (m.group(2) != null) {
                int bound = Integer.parseInt(m.group(2));
                Arrays.setAll(values, i -> fresh.below(bound));
            } else {
                TorchGenerator g = m.group(1).equals("continued") ? running.computeIfAbsent(m.group(3), k -> fresh) : fresh;
                values = doubles(g.normal(n));
            }
            got.put(name, values);
        }
    }

    private static List<CheckResult> rates(GoldenCase c) throws IOException {
        JsonNode all = GoldenFolder.readJson(c.path());
        double tolerance = all.path("relative_tolerance").asDouble();
        List<CheckResult> checks = new ArrayList<>();
        for (JsonNode s : all.path("schedules")) {
            JsonNode a = s.path("arguments");
            LearningRate rate = LearningRate.of(s.path("name").asText(), s.path("base_lr").asDouble(), a.path("num_warmup_steps").asLong(0),
                    a.path("num_training_steps").asLong(0), a.path("num_cycles").asInt(1), a.path("power").asDouble(1), a.path("step_rules").asText(""));
            double worst = 0;
            for (int i = 0; i < s.path("lr").size(); i++) {
                double expected = s.path("lr").get(i).asDouble();
                worst = Math.max(worst, Math.abs(rate.rate(i) - expected) / Math.max(Math.abs(expected), 1e-300));
            }
            checks.add(CheckResult.check(s.path("name").asText() + " " + a, worst <= tolerance, "relative error " + worst));
        }
        return checks;
    }
}
