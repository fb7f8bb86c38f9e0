package org.mouselift.tornado.plan;

import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DeviceException;

/** The two arrays on the device that hold everything a program works on: one of floats, one of ints. */
public enum Space {
    /** f32; weights stored as f16 or bf16 are widened on the way to the device. */
    FLOATS,
    /** i32, and i64, u8 and bool as ints. */
    INTS;

    /**
     * Where tensors of a type lie.
     *
     * @throws DeviceException for f64, which devices here do not compute in
     */
    public static Space of(TensorSpec spec, String user) {
        if (spec.dtype() == DType.F64) {
            throw new DeviceException(user + ": " + spec + " is f64; devices compute in f32. Run on the CPU, or convert the model");
        }
        return spec.dtype().isFloat() ? FLOATS : INTS;
    }
}
