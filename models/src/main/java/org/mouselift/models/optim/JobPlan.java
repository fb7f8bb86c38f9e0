package org.mouselift.models.optim;

/**
 * Step arithmetic of a training run (GS-LRM specification §6.2). The run is rounded up to whole epochs beyond the limit of
 * passes. With fewer passes per epoch than accumulation steps {@code updates} is 0 and a schedule over it degenerates.
 *
 * @param batchPerPass samples of one forward/backward pass on all devices
 * @param batchPerUpdate samples of one parameter update
 * @param passesPerEpoch forward/backward passes per epoch
 * @param updatesPerEpoch parameter updates per epoch
 * @param epochs number of epochs
 * @param passes forward/backward passes of the run
 * @param updates parameter updates of the run
 */
public record JobPlan(long batchPerPass, long batchPerUpdate, long passesPerEpoch, long updatesPerEpoch, long epochs, long passes, long updates) {
    /**
     * @param samples training samples
     * @param batchPerDevice samples per pass and device
     * @param devices number of devices
     * @param accumulation passes per update
     * @param maxEpochs configured number of epochs
     * @param maxPasses configured limit of passes
     */
    public static JobPlan of(long samples, long batchPerDevice, long devices, long accumulation, long maxEpochs, long maxPasses) {
        positive("training samples", samples);
        positive("batch size", batchPerDevice);
        positive("devices", devices);
        positive("gradient accumulation steps", accumulation);
        positive("epochs", maxEpochs);
        positive("max_fwdbwd_passes", maxPasses);
        long batch = Math.multiplyExact(batchPerDevice, devices);
        long passesPerEpoch = Math.max(1, samples / batch);
        long updatesPerEpoch = passesPerEpoch / accumulation;
        long epochs = Math.min(maxEpochs, maxPasses / passesPerEpoch + 1);
        return new JobPlan(batch, Math.multiplyExact(batch, accumulation), passesPerEpoch, updatesPerEpoch, epochs,
                Math.multiplyExact(passesPerEpoch, epochs), Math.multiplyExact(updatesPerEpoch, epochs));
    }

    private static void positive(String what, long value) {
        if (value < 1) {
            throw new IllegalArgumentException("job plan: " + what + " = " + value + ", expected at least 1");
        }
    }
}
